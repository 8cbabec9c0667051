"""`make sim-mutations`: break a copy of the code in one place after the other, and see that the simulation finds each.

    python -m tests.mutations.simulated                  all rows, two at a time
    python -m tests.mutations.simulated tombstone lease  those whose names contain one of these words
    python -m tests.mutations.simulated --longer 5       with five times as many seeds

A copy plays the seeds from 0 on until one fails. A row that no seed within its bound finds is an error: either faults
or invariants of the simulation are too weak, or its seeds mean something else since it was changed. That the unbroken
code passes the same seeds is what `make sim` is for.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .run import copied, executed, mutated
from .simulated_rows import SIMULATED, Simulated

PATIENCE_S = 1800


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the number of rows that are wrong."""
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.simulated", description=description)
    parser.add_argument("words", nargs="*", help="only rows whose names contain one of these")
    parser.add_argument("--at-once", type=int, default=2, help="copies that are played at the same time")
    parser.add_argument("--longer", type=int, default=1, help="so many times as many seeds as the rows say")
    options = parser.parse_args(arguments)
    rows = [row for row in SIMULATED if not options.words or any(word in row.name for word in options.words)]
    with ThreadPoolExecutor(options.at_once) as pool:
        wrong = sum(pool.map(lambda row: report(row, row.seeds * options.longer), rows))
    print(f"{len(rows)} mutations, {len(rows) - wrong} found")
    return wrong


def report(row: Simulated, seeds: int) -> bool:
    """Break, play, print a line; whether it was not found."""
    with copied() as copy:
        path = copy / row.file
        path.write_text(mutated(path.read_text(encoding="utf-8"), row), encoding="utf-8")
        module = ["sim.run", "--seeds", str(seeds), "--first-failure"]
        code, output, duration_s = executed(copy, copy / "tests", module, PATIENCE_S)
    failed = re.search(r"^seed (\d+) of commit", output, re.MULTILINE)
    if code == 1 and failed:
        by = re.findall(r"^(?:[\w.]*Violation|[\w.]*Error)\b.*", output, re.MULTILINE)
        verdict, why = f"found by seed {failed[1]}", by[-1] if by else ""
    else:
        verdict, why = f"NOT FOUND in {seeds}" if code == 0 else f"ended with {code}", "" if code == 0 else output
    print(f"{verdict:20} {duration_s:4.0f} s  {row.name:64} {why[:160]}", flush=True)
    return not (code == 1 and failed)


if __name__ == "__main__":
    sys.exit(main())
