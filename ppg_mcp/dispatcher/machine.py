"""One machine as the dispatcher sees it: what it may hold, what was sent to it, what data is there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

ALL_CORES = -1
WHOLE_MACHINE = -2

AHEAD_S = 0.25
"""Work that is sent ahead of free cores, so that none waits for a round trip and a commit. What becomes ready later
starts behind it, whatever its priority."""
SHORT_S = 0.02
SHORT_AHEAD_S = 0.6
"""Of jobs that are so short: the fewer commits are made for sending."""
MAX_AHEAD_PER_CORE = 192


def ahead_per_core(mean_runtime_s: float) -> int:
    """Jobs to send ahead for each core, when they take so long."""
    ahead_s = SHORT_AHEAD_S if mean_runtime_s < SHORT_S else AHEAD_S
    return min(MAX_AHEAD_PER_CORE, max(1, round(ahead_s / max(mean_runtime_s, 1e-6))))


@dataclass(slots=True)
class Machine:
    """Invariant: `outstanding` is the sum of the cores of `attempts`."""

    name: str
    cores: int = 0
    memory_bytes: int = 0
    total_cores: int = 0
    total_memory_bytes: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    """Charged cores by attempt."""
    outstanding: int = 0
    wide: int = 0
    """The attempt that drains the machine, 0 for none."""
    narrow_turns: int = 0
    """Narrow jobs to send before the next wide one, so that neither kind starves the other."""
    resident: set[int] = field(default_factory=set)
    data_bytes: int = 0
    """What is loaded there takes so much, as far as is known."""

    def charge(self, cores: int, memory_bytes: int) -> int:
        """The cores a job counts as here: memory above one core's share counts as more cores (semantics §6)."""
        if cores < 0:
            return cores
        share = self.total_memory_bytes / max(1, self.total_cores)
        return max(cores, math.ceil(memory_bytes / share)) if share and memory_bytes > share else cores

    def can_ever(self, cores: int, memory_bytes: int) -> bool:
        """Would an empty machine do?"""
        return cores <= self.total_cores and memory_bytes <= self.total_memory_bytes

    def can_now(self, cores: int) -> bool:
        """Does the share allow a wide job? One that wants the machine alone needs all of it, -1 all cores but one."""
        return self.cores >= self.total_cores - (1 if cores == ALL_CORES else 0)

    def has_memory(self, memory_bytes: int, loads_bytes: int, loads: Iterable[int]) -> bool:
        """Is there room in the share for this beside the data, and for the data where it is not loaded? The supervisor
        starts nothing else, but for what is alone while all the memory there is may be taken."""
        if not memory_bytes and (not loads_bytes or self.resident.issuperset(loads)):
            return True
        needed_bytes = memory_bytes + max(self.data_bytes, loads_bytes)
        return needed_bytes <= self.memory_bytes or memory_bytes <= self.total_memory_bytes <= self.memory_bytes

    def fits(self, cores: int, memory_bytes: int) -> bool:
        """Can the share run such a job without data, when nothing else runs in it?"""
        return self.charge(cores, memory_bytes) <= self.cores and self.has_memory(memory_bytes, 0, ())

    def room(self, ahead_per_core: int) -> int:
        """Cores' worth of work that may be sent now."""
        return self.cores * (1 + ahead_per_core) - self.outstanding if self.cores else 0

    def is_low(self, ahead_per_core: int) -> bool:
        """Has half of what was sent ahead gone? Then it is time to send more, at the price of a commit."""
        return self.cores > 0 and 2 * (self.outstanding - self.cores) <= self.cores * ahead_per_core

    def takes_more(self, ahead_per_core: int) -> bool:
        """Is there room for so much that it is worth a message, if the commit comes anyway? It is where it is low."""
        return 4 * self.room(ahead_per_core) >= max(1, self.outstanding)

    def add(self, attempt: int, cores: int) -> None:
        """An attempt was sent."""
        cost = cores if cores > 0 else self.cores
        self.attempts[attempt] = cost
        self.outstanding += cost
        if cores < 0:
            self.wide = attempt
        elif self.narrow_turns:
            self.narrow_turns -= 1

    def remove(self, attempt: int) -> None:
        """An attempt came back."""
        self.outstanding -= self.attempts.pop(attempt)
        if self.wide == attempt:
            self.wide = 0
            self.narrow_turns = self.cores
