"""`make mutations`: break a copy of the code in one place after the other, and see that the tests notice.

    python -m tests.mutations.run                  all rows, two at a time
    python -m tests.mutations.run tombstone cycle  those whose names contain one of these words
    python -m tests.mutations.run --at-once 1

First the tests of all rows must pass in an unbroken copy; then each row's tests must fail in a copy that is broken as
the row says. A row whose tests pass, or can't be run at all, is an error: the exit code says how many there are.
Rejected: a mutation tool that breaks everything everywhere. It finds a thousand places whose breaking costs nobody
anything, and takes days.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .rows import MUTATIONS, Mutation
from .simulated_rows import Simulated

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180
TESTS_FAILED = 1
"""pytest's exit code; the others say that it could not run them."""
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".venvs", "site", ".*_cache", ".hypothesis", "__pycache__", "results", "dist", "build"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the number of rows that are wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only rows whose names contain one of these")
    parser.add_argument("--at-once", type=int, default=2, help="copies that are tested at the same time")
    options = parser.parse_args(arguments)
    rows = [row for row in MUTATIONS if not options.words or any(word in row.name for word in options.words)]
    with ThreadPoolExecutor(options.at_once) as pool:
        tests = sorted({path for row in rows for path in row.tests.split()})
        shares = [tests[n :: options.at_once] for n in range(options.at_once)]
        if any(pool.map(lambda share: bool(share) and unbroken(share), shares)):
            return 1
        wrong = sum(pool.map(report, rows))
    print(f"{len(rows)} mutations, {len(rows) - wrong} noticed")
    return wrong


def unbroken(tests: Sequence[str]) -> bool:
    """Whether the tests fail though nothing is broken."""
    with copied() as copy:
        code, output, duration_s = tested(copy, tests, PATIENCE_S * 5)
    print(f"unbroken: {'passes' if code == 0 else 'FAILS'} in {duration_s:.0f} s: {' '.join(tests)}", flush=True)
    if code:
        print(output)
    return code != 0


def report(row: Mutation) -> bool:
    """Break, test, print a line; whether something is wrong."""
    with copied() as copy:
        broken = mutated((copy / row.file).read_text(encoding="utf-8"), row)
        (copy / row.file).write_text(broken, encoding="utf-8")
        code, output, duration_s = tested(copy, row.tests.split(), PATIENCE_S)
    noticed = code in (TESTS_FAILED, None)
    words = {TESTS_FAILED: "noticed", None: "noticed (it hangs)", 0: "SURVIVES"}.get(code, f"pytest ended with {code}")
    by = next(
        (line.split(" - ")[0].split("::", 1)[-1] for line in output.splitlines() if line.startswith("FAILED")), ""
    )
    print(f"{words:18} {duration_s:4.0f} s  {row.name:56} {by}", flush=True)
    if not noticed and code:
        print(output)
    return not noticed


def mutated(text: str, row: Mutation | Simulated) -> str:
    """The file's text with the row's mistake. Raises ValueError unless the old text is there exactly once."""
    count = text.count(row.old)
    if count != 1:
        raise ValueError(f"{row.name!r}: the text to replace occurs {count} times in {row.file}: {row.old!r}")
    return text.replace(row.old, row.new)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the project that lives as long as it is used."""
    with tempfile.TemporaryDirectory(prefix="mutation-", ignore_cleanup_errors=True) as directory:
        copy = Path(directory) / "copy"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED, symlinks=True)
        yield copy


def tested(copy: Path, tests: Sequence[str], patience_s: float) -> tuple[int | None, str, float]:
    """pytest's exit code (None: it hung and was killed), its output, and how long it took."""
    options = ("-x", "-q", "--color=no", "-p", "no:cacheprovider")
    return executed(copy, copy, ["pytest", *options, *tests], patience_s)


def executed(copy: Path, directory: Path, module: Sequence[str], patience_s: float) -> tuple[int | None, str, float]:
    """`python -m MODULE…` with the copy's code: its exit code (None: it hung), its output, and how long it took."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / "hypothesis"),
    }
    environment["PYTHONPATH"] = os.pathsep.join([str(copy), str(copy / "protocol")])
    command = [sys.executable, "-m", *module]
    started = time.monotonic()
    with open(copy / "said", "w+", encoding="utf-8", errors="replace") as said:  # a pipe is held open by what is left
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(patience_s)
        except subprocess.TimeoutExpired:
            code = None
        end_all_of(copy)
        process.wait()
        said.seek(0)
        return code, said.read(), time.monotonic() - started


def end_all_of(copy: Path) -> None:
    """SIGKILL for every process with this copy in its environment: a broken engine leaves some behind."""
    mark = os.fsencode(f"PYTHONPATH={copy}:")
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and mark in Path(f"/proc/{name}/environ").read_bytes():
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue


if __name__ == "__main__":
    sys.exit(main())
