"""One job with many prerequisites, a tenth of them files that are there already, the others parameters: fan.py WIDTH"""

from __future__ import annotations

import os
import sys
from typing import Any

import pypipegraph as ppg

width = int(sys.argv[1])


def gather(path: Any) -> None:
    with open(path, "w") as file:
        file.write("done")


def never(path: Any) -> None:
    raise AssertionError(f"{path} is there already")


ppg.new_pipegraph(quiet=True)
job = ppg.FileGeneratingJob("gathered", gather)
for number in range(width):
    if number >= width // 10:
        job.depends_on(ppg.ParameterInvariant(f"parameter_{number}", number))
        continue
    part = f"part_{number}"
    if not os.path.exists(part):
        with open(part, "w") as file:
            file.write("here")
    job.depends_on(ppg.FileGeneratingJob(part, never).ignore_code_changes())
ppg.run()
