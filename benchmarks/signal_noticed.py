"""How soon a job that dies by a signal is noticed: from its last instruction until `run()` has raised.

    python benchmarks/signal_noticed.py [--repeats 10]

An upper bound: it includes the end of the run, with the supervisor's end and the store's last commit.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time

import pypipegraph as ppg


def main() -> None:
    """Print median and maximum in milliseconds."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=10)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ppg-bench-") as scratch:
        os.chdir(scratch)
        delays_s = sorted(noticed_after_s(i) for i in range(options.repeats))
        os.chdir("/")
    print(f"median {1e3 * statistics.median(delays_s):.0f} ms, maximum {1e3 * delays_s[-1]:.0f} ms")


def noticed_after_s(number: int) -> float:
    """One run with a job that kills itself."""

    def die(path: str) -> None:
        with open(f"death_{number}", "w") as file:
            file.write(repr(time.monotonic()))
        os.kill(os.getpid(), signal.SIGKILL)

    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob(f"never_{number}", die)
    try:
        ppg.run()
    except ppg.RuntimeError as error:
        noticed = time.monotonic()
        (failure,) = error.failures
        assert isinstance(failure.exception, ppg.JobDiedException), failure
        assert failure.exception.signal == signal.SIGKILL, failure
    with open(f"death_{number}") as file:
        return noticed - float(file.read())


if __name__ == "__main__":
    main()
