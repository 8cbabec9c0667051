"""The memory of a process and all its descendants: the sum of their PSS, in which a page that n share counts 1/n each.

The sum is not taken at one moment, and a process that ends meanwhile counts nothing.
Where many processes come and go the sum is too low: what the ended ones shared is in nobody's share. So processes
should stay for a while. Rejected: psutil's children(), which raises when a process ends while it looks.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

INTERVAL_S = 0.2
GONE = (FileNotFoundError, ProcessLookupError)


class PssWatch:
    """Samples the memory of a tree from the moment that a file appears until the root ends."""

    def __init__(self, begins_with: Path) -> None:
        self.begins_with = begins_with
        self.samples_bytes: list[int] = []

    def __call__(self, pid: int) -> None:
        while pss_bytes(pid):
            if self.begins_with.exists():
                self.samples_bytes.append(sum(map(pss_bytes, tree(pid))))
            time.sleep(INTERVAL_S)


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(parent(int(name)), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return found


def parent(pid: int) -> int:
    """-1 of a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except GONE:
        return -1


def pss_bytes(pid: int) -> int:
    """0 of a process that has ended, waited for or not."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except GONE:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
