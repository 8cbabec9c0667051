"""A job that kills itself. Says the seconds from its last instruction until `run()` has raised."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import engines

import pypipegraph as ppg


def die(path: Any) -> None:
    Path("death").write_text(repr(time.monotonic()))
    os.kill(os.getpid(), signal.SIGKILL)


ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("never", die)
try:
    ppg.run()
except ppg.RuntimeError as error:
    noticed = time.monotonic()
    (failure,) = error.failures
    assert isinstance(failure.exception, ppg.JobDiedException), failure
    assert failure.exception.signal == signal.SIGKILL, failure
engines.say(noticed_after_s=noticed - float(Path("death").read_text()))
