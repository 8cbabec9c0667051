"""Sleeping jobs, with as many cores claimed: claimed.py JOBS SLEEP_S. Says the seconds until all had started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engines

jobs, sleep_s = int(sys.argv[1]), float(sys.argv[2])


def sleeper(number: int) -> Callable[[Any], None]:
    def sleep(path: Any) -> None:
        Path(f"started_{number}").write_text(repr(time.monotonic()))
        time.sleep(sleep_s)

    return sleep


ours = engines.engine("ours")
ours.new(cores=jobs)
for number in range(jobs):
    ours.file_job(f"started_{number}", sleeper(number))
begin = time.monotonic()
ours.run()
started = [float(Path(f"started_{number}").read_text()) for number in range(jobs)]
engines.say(all_started_s=max(started) - begin, first_started_s=min(started) - begin)
