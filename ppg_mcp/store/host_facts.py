"""Who and where this process is, in terms that another process can check later.

A pid alone names nobody: it is used again. With the start time it names one process of one boot of one machine; with
boot id and host name it does so everywhere. Read from /proc directly: psutil rounds start times to a wall clock,
which may be set; the kernel's ticks since boot never change.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


def start_time_of(pid: int) -> int | None:
    """Clock ticks from boot to the start of the process; None if it is gone, a zombie, or can't be seen."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the command, in parentheses, may hold anything: proc(5)
    return None if fields[0] in "ZX" else int(fields[19])


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class HostFacts(NamedTuple):
    """This process, and the way to ask for the start time of another one on this machine (None: not running)."""

    host: str
    boot_id: str
    pid: int
    start_time: int
    start_time_of: Callable[[int], int | None] = start_time_of

    @staticmethod
    def of_this_process() -> HostFacts:
        """Read them from the system."""
        pid = os.getpid()
        return HostFacts(os.uname().nodename, _boot_id(), pid, start_time_of(pid) or 0)
