"""How much memory running jobs take: the proportional set size of each job's process and its descendants.

PSS divides shared pages among those that share them, so that the sizes of jobs add up; the RSS of a forked job would
count all loaded data again. The kernel takes milliseconds per GB for it, so it is read only when somebody asks, and
for a bounded time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

BUDGET_S = 0.5


def memory_of(pids: Sequence[int], budget_s: float = BUDGET_S) -> list[int | None]:
    """Bytes of each process tree; None for one that is gone, or when the time was up."""
    until = time.monotonic() + budget_s
    children = _children_by_pid()
    return [_tree_bytes(pid, children, until) if time.monotonic() < until else None for pid in pids]


def _children_by_pid() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process.pid)
    return children


def _tree_bytes(root: int, children: dict[int, list[int]], until: float) -> int | None:
    total, todo, seen = None, [root], set[int]()
    while todo and time.monotonic() < until:
        pid = todo.pop()
        if pid in seen:
            continue
        seen.add(pid)
        todo += children.get(pid, ())
        own = _pss_bytes(pid)
        if own is not None:
            total = (total or 0) + own
    return total


def _pss_bytes(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            line = next(line for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) << 10
