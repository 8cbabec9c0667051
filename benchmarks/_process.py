"""One whole process, timed from the start of its interpreter to its end, with everything that it started.

CPU time is that of the process and of all descendants that were waited for: on a busy machine the more honest figure.
Programs find bytecode in its cache, as that of installed packages is, whatever the environment says of a checkout's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")


class ProgramFailed(Exception):
    """A measured program ended with another status than 0: what it said last tells why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process. `said`: the facts that the program told about itself."""

    wall_s: float
    cpu_s: float
    said: dict[str, float] = field(default_factory=dict)


def program(name: str, *arguments: object, python: str = sys.executable) -> list[str]:
    """The command line of `programs/NAME.py`."""
    return [python, str(PROGRAMS / f"{name}.py"), *map(str, arguments)]


def run(
    command: Sequence[str],
    cwd: Path,
    watch: Callable[[int], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end; `watch` is called in a thread with its pid. `environment`: another one than ours.
    Raises ProgramFailed."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=_caching_bytecode(os.environ if environment is None else environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        watcher = threading.Thread(target=watch, args=(process.pid,)) if watch is not None else None
        if watcher is not None:
            watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if watcher is not None:
            watcher.join()
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise ProgramFailed(f"{' '.join(command)} ended with status {process.returncode}:\n{text[-3000:]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, _said(text))


def _caching_bytecode(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _said(text: str) -> dict[str, float]:
    last = text.rstrip().rpartition("\n")[2]
    return json.loads(last) if last.startswith("{") else {}
