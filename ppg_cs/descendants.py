"""Finding and ending the processes that a process started, and those that these started.

Works because job processes and supervisors are child subreapers: whatever is orphaned below them, daemonised or not,
becomes their child. So `no children` means `no descendants`, and killing children until there are none ends them all.
Listing is by `/proc/self/task/TID/children`; kernels built without it are served by a scan of /proc.
"""

from __future__ import annotations

import os
import time

from ppg_cs.hygiene import SIGKILL

_WALL = 0x40000000
"""waitid also for children that were cloned with another exit signal than SIGCHLD (linux/wait.h)."""

_ANY_STATE = os.WEXITED | os.WNOHANG | os.WNOWAIT | _WALL


def has_children() -> bool:
    """Whether this process has any child, living or zombie. One system call."""
    try:
        os.waitid(os.P_ALL, 0, _ANY_STATE)
    except ChildProcessError:
        return False
    return True


def children() -> list[int]:
    """Pids of the children of this process, zombies included."""
    pids: list[int] = []
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children") as listing:
                pids.extend(map(int, listing.read().split()))
    except FileNotFoundError:
        return _children_by_scan(os.getpid())
    return pids


def _children_by_scan(parent: int) -> list[int]:
    pids: list[int] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields and int(fields[1]) == parent:
                pids.append(int(name))
    return pids


def stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on: state, ppid, pgrp, session, …; empty for no such process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return []


def kill(pid: int) -> None:
    """SIGKILL for a process; that it is gone already is fine."""
    try:
        os.kill(pid, SIGKILL)
    except ProcessLookupError:
        pass


def kill_group(leader: int) -> None:
    """SIGKILL for a process group, by its leader's pid; the caller keeps the leader unreaped, so the number is its."""
    try:
        os.killpg(leader, SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end_all(deadline: float) -> bool:
    """Kill children and reap them until there are none; False when some would not die until `deadline` (monotonic)."""
    pause_s = 0.0002
    while has_children():
        for pid in children():
            kill(pid)
        while reap_one():
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.02)
    return True


def reap_one() -> tuple[int, int] | None:
    """Pid and wait status of a child that had ended, which is gone for good now; None when there is no such child."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG | _WALL)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None
