"""Overhead per job: 1,000 and 10,000 trivial jobs, cold and null, beside the original and a bare loop of forks.

    python benchmarks/trivial_jobs.py [--jobs 1000 10000] [--repeats 3] [--no-original]

The floor is a loop of fork, write the file, os._exit, wait, with as many in flight as there are cores and the same
modules imported. The original (`pypipegraph` from PyPI) is installed into a virtual environment of its own. All take
turns within one run, on one machine; whole processes are timed, and what counts are the ratios of the medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

FLOOR = """
import os, sys
import pypipegraph, zmq, msgpack, sqlite3, xxhash, psutil, cloudpickle
jobs, cores = int(sys.argv[1]), len(os.sched_getaffinity(0))
running = 0
for i in range(jobs):
    if running == cores:
        os.wait()
        running -= 1
    if not os.fork():
        with open(f"out_{i}.txt", "w") as file:
            file.write("hello")
        os._exit(0)
    running += 1
for _ in range(running):
    os.wait()
"""

ENGINE = """
import os, sys
import pypipegraph as ppg
jobs = int(sys.argv[1])
ppg.new_pipegraph(quiet=True, dump_graph=False, interactive=False)
for i in range(jobs):
    def write(i=i):
        with open(f"out_{i}.txt", "w") as file:
            file.write("hello")
    ppg.FileGeneratingJob(f"out_{i}.txt", write)
ppg.run_pipegraph()
"""

ORIGINAL_REQUIREMENTS = ["pypipegraph==0.197", "six"]


def main() -> None:
    """Measure, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--jobs", type=int, nargs="+", default=[1000, 10000])
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--no-original", action="store_true", help="only this engine and the floor")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ppg-bench-") as scratch:
        pythons = {"floor": sys.executable, "ours": sys.executable}
        if not options.no_original:
            pythons["original"] = original_python(Path(scratch, "original"))
        print(f"{'jobs':>7} {'':<5} {'floor':>9} {'ours':>9} {'original':>9}   ours/floor  original/ours   (seconds)")
        for jobs in options.jobs:
            measure(jobs, options.repeats, pythons, Path(scratch, "work"))


def measure(jobs: int, repeats: int, pythons: dict[str, str], work: Path) -> None:
    """One line for cold, one for null runs."""
    cold: dict[str, list[float]] = {name: [] for name in pythons}
    null: dict[str, list[float]] = {name: [] for name in pythons}
    for _ in range(repeats):
        for name, python in pythons.items():
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            code = FLOOR if name == "floor" else ENGINE
            cold[name].append(timed(python, code, jobs, work))
            if name != "floor":
                null[name].append(timed(python, code, jobs, work))
    show(jobs, "cold", cold)
    show(jobs, "null", null)


def timed(python: str, code: str, jobs: int, work: Path) -> float:
    """Seconds of the whole process, from the start of the interpreter to its end."""
    program = work.with_suffix(".py")  # a file, because the original reads the source of callbacks
    program.write_text(code)
    start = time.perf_counter()
    done = subprocess.run(
        [python, str(program), str(jobs)], cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{python} failed:\n{done.stderr[-3000:]}")
    return seconds


def show(jobs: int, what: str, seconds: dict[str, list[float]]) -> None:
    """One line of the table."""
    medians = {name: statistics.median(values) for name, values in seconds.items() if values}
    cells = [f"{medians[name]:>9.3f}" if name in medians else f"{'-':>9}" for name in ("floor", "ours", "original")]
    floor = f"{medians['ours'] / medians['floor']:>11.2f}" if "floor" in medians else f"{'-':>11}"
    original = f"{medians['original'] / medians['ours']:>13.2f}" if "original" in medians else f"{'-':>13}"
    print(f"{jobs:>7} {what:<5} {' '.join(cells)} {floor} {original}", flush=True)


def original_python(directory: Path) -> str:
    """A virtual environment with the original in it."""
    venv.create(directory, with_pip=True)
    python = str(directory / "bin" / "python")
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([python, "-m", "pip", "install", "-q", *ORIGINAL_REQUIREMENTS], check=True, env=environment)
    return python


if __name__ == "__main__":
    main()
