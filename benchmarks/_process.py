"""One whole process, timed from the start of its interpreter to its end, with everything that it started.

CPU time is that of the process and of all descendants that were waited for: on a busy machine the more honest figure.
The memory of a tree is the sum of its processes' PSS, in which a page that n of them share counts 1/n each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROGRAMS = Path(__file__).with_name("programs")
PSS_INTERVAL_S = 0.2


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process. `said`: the facts that the program told about itself."""

    wall_s: float
    cpu_s: float
    said: dict[str, float] = field(default_factory=dict)


def program(name: str, *arguments: object, python: str = sys.executable) -> list[str]:
    """The command line of `programs/NAME.py`."""
    return [python, str(PROGRAMS / f"{name}.py"), *map(str, arguments)]


def run(command: Sequence[str], cwd: Path, watch: Callable[[int], None] | None = None) -> Cost:
    """Run a command to its end; `watch` is called in a thread with its pid. Exits with its last words if it fails."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
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
        sys.exit(f"{' '.join(command)} ended with status {process.returncode}:\n{text[-3000:]}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, _said(text))


def _said(text: str) -> dict[str, float]:
    last = text.rstrip().rpartition("\n")[2]
    return json.loads(last) if last.startswith("{") else {}


class PssWatch:
    """Samples the memory of a tree from the moment that a file appears in it until its root ends."""

    def __init__(self, begins_with: Path) -> None:
        self.begins_with = begins_with
        self.samples_bytes: list[int] = []

    def __call__(self, pid: int) -> None:
        while (total := tree_pss_bytes(pid)) is not None:
            if self.begins_with.exists():
                self.samples_bytes.append(total)
            time.sleep(PSS_INTERVAL_S)


def tree_pss_bytes(pid: int) -> int | None:
    """The sum of PSS of a process and its descendants; None when it has ended."""
    try:
        root = psutil.Process(pid)
        if root.status() == psutil.STATUS_ZOMBIE:
            return None
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return None
    return sum(_pss_bytes(process.pid) for process in tree)


def _pss_bytes(pid: int) -> int:
    """0 for a process that has just ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as lines:
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0
