"""A job process shows by its name how many cores it was given and how much memory it declared: all that is needed to
add up what runs on a machine, from /proc alone. A program that it starts has another name, and claims nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

MIB = 1 << 20
_NAME = re.compile(r"job (\d+) (\d+)")


@dataclass(frozen=True)
class Claim:
    """`memory_bytes` is 0 where the job declared none."""

    cores: int
    memory_bytes: int


def claim(cores: int, memory_bytes: int) -> None:
    """Of this process; at most 15 bytes of it are kept."""
    with open("/proc/self/comm", "w") as name:
        name.write(f"job {cores} {max(0, memory_bytes) // MIB}")


def claimed(name: str) -> Claim | None:
    """By a process of this name; None for one that is no job."""
    found = _NAME.fullmatch(name)
    return Claim(int(found[1]), int(found[2]) * MIB) if found else None
