"""Jobs that note when they begin and end, and where: noting.py JOBS SECONDS_EACH

A line of `notes` is MACHINE JOB begins|ends TIME, by CLOCK_MONOTONIC.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypipegraph as ppg

each_s = float(sys.argv[2])


def note(number: int, what: str) -> None:
    machine = os.environ["PPG_SESSION"].partition(".")[2]
    with open("notes", "a") as file:
        file.write(f"{machine} {number} {what} {time.monotonic()}\n")


def job(number: int) -> Callable[[Any], None]:
    def work(path: Any) -> None:
        note(number, "begins")
        time.sleep(each_s)
        Path(path).write_text("done")
        note(number, "ends")

    return work


Path("notes").touch()
ppg.new_pipegraph(quiet=True)
for number in range(int(sys.argv[1])):
    ppg.FileGeneratingJob(f"out_{number}.txt", job(number))
ppg.run()
