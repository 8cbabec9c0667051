"""Many jobs of which all but one wait for that one, which fails: first_job.py JOBS

Says the seconds from the call of run() until that one is called, and those until run() has raised.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import engines
from independent import writer

import pypipegraph as ppg


def first(path: Any) -> None:
    Path("called").write_text(repr(time.monotonic()))
    raise LookupError("that is all")


ppg.new_pipegraph(quiet=True)
one = ppg.FileGeneratingJob("first", first)
for number in range(1, int(sys.argv[1])):
    ppg.FileGeneratingJob(f"out_{number}.txt", writer(number)).depends_on(one)
began = time.monotonic()
try:
    ppg.run()
except ppg.RuntimeError as error:
    if len(error.failures) != 1:
        raise
engines.say(called_after_s=float(Path("called").read_text()) - began, raised_after_s=time.monotonic() - began)
