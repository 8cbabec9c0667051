"""Shapes that break recursion and quadratic steps: a chain of 10,000 jobs, one job with 100,000 prerequisites.

    python benchmarks/long_and_wide.py [--chain 10000] [--fan 100000]

Each is run for real, then once more with nothing to do. The prerequisites of the wide one are parameters, the first
tenth of them files that exist already and are adopted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable

import pypipegraph as ppg


def main() -> None:
    """Print seconds, and microseconds per job or edge."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--chain", type=int, default=10_000)
    arguments.add_argument("--fan", type=int, default=100_000)
    options = arguments.parse_args()
    for name, build, size in (("chain", chain, options.chain), ("fan", fan, options.fan)):
        with tempfile.TemporaryDirectory(prefix="ppg-bench-") as scratch:
            os.chdir(scratch)
            for what in ("cold", "null"):
                seconds = timed(build, size)
                print(f"{name} of {size}, {what}: {seconds:.2f} s, {1e6 * seconds / size:.0f} us each", flush=True)
            os.chdir("/")


def timed(build: Callable[[int], None], size: int) -> float:
    """Seconds to build and run."""
    start = time.perf_counter()
    ppg.new_pipegraph(quiet=True)
    build(size)
    ppg.run()
    return time.perf_counter() - start


def chain(size: int) -> None:
    """Each job reads the one before."""
    before = None
    for i in range(size):

        def step(path: str, i: int = i) -> None:
            with open(path, "w") as file:
                file.write(str(i))

        before = ppg.FileGeneratingJob(f"step_{i}", step).depends_on(before)


def fan(size: int) -> None:
    """One job with so many prerequisites."""

    def gather(path: str) -> None:
        with open(path, "w") as file:
            file.write("done")

    job = ppg.FileGeneratingJob("gathered", gather)
    for i in range(size):
        if i < size // 10:
            job.depends_on(existing(f"part_{i}"))
        else:
            job.depends_on(ppg.ParameterInvariant(f"parameter_{i}", i))


def existing(path: str) -> ppg.FileGeneratingJob:
    """A job whose file is there already."""
    if not os.path.exists(path):
        with open(path, "w") as file:
            file.write("here")

    def never(path: str) -> None:
        raise AssertionError(path)

    return ppg.FileGeneratingJob(path, never).ignore_code_changes()


if __name__ == "__main__":
    main()
