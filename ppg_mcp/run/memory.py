"""How much memory running jobs take: the proportional set size of each job's process and its descendants.

PSS divides shared pages among those that share them, so that the sizes of jobs add up; the RSS of a forked job would
count all loaded data again. The kernel takes milliseconds per GB for it, so it is read only when somebody asks, and
for a bounded time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

BUDGET_S = 0.5


def memory_of(pids: Sequence[int], budget_s: float = BUDGET_S) -> list[int | None]:
    """Bytes of each process tree; None for one that is gone, or when the time was up."""
    until = time.monotonic() + budget_s
    return [_tree_bytes(pid, until) for pid in pids]


def _tree_bytes(root: int, until: float) -> int | None:
    total, todo = None, [root]
    while todo and time.monotonic() < until:
        pid = todo.pop()
        todo += _children(pid)
        own = _pss_bytes(pid)
        if own is not None:
            total = (total or 0) + own
    return total


def _children(pid: int) -> list[int]:
    """By the kernel's list, where it has one; psutil looks at every process of the machine."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as listing:
                found.extend(map(int, listing.read().split()))
    except OSError:
        import psutil

        try:
            found = [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []
    return found


def _pss_bytes(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            line = next(line for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) << 10
