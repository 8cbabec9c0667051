"""The machine as a set of places: which attempt may start now, and with how many cores. Pure bookkeeping.

Invariants: nothing starts that would take more than the *limit*: the whole machine when embedded, else what the session
was granted of it, which may be lowered below what is taken. Declared memory of what runs plus loaded data never exceeds
the limit, except for something that runs alone while the limit is all the memory there is: else it could never run.
Data that it does not need is given up before, see `crowding`.

    cores   starts when                                                             gets
    n > 0   n cores of the limit are free                                           n
    -1      the limit is all cores but one or more, at most one is taken            all that are free
    -2      nothing runs                                                            all of the limit

What declares no memory is never refused for lack of it.
"""

from __future__ import annotations

import heapq


class Admission:
    """Cores, memory and slots of one machine, and who holds them."""

    def __init__(self, cores: int, memory_bytes: int, slots: int) -> None:
        self.cores = cores
        self.memory_bytes = memory_bytes
        self.limit_cores = cores
        self.limit_bytes = memory_bytes
        self.cores_taken = 0
        self.memory_taken = 0
        self.holders = 0
        self._free_slots = list(range(slots))

    def limit(self, cores: int, memory_bytes: int) -> None:
        """What may be taken from now on. More may be taken already: that ends by itself."""
        self.limit_cores = cores
        self.limit_bytes = memory_bytes

    @property
    def usable_cores(self) -> int:
        """Taken or free."""
        return min(self.limit_cores, self.cores)

    @property
    def is_full(self) -> bool:
        """Whether nothing whatever can start."""
        return self.cores_taken >= self.usable_cores

    @property
    def is_above_limit(self) -> bool:
        """Whether cores that become free are to be given back, since the limit was lowered."""
        return self.cores_taken > self.usable_cores

    def possible(self, cores: int) -> bool:
        """Whether the machine could ever grant this."""
        return 1 <= cores <= self.cores or cores in (-1, -2)

    def grant(self, cores: int, memory_bytes: int, loaded_bytes: int) -> int:
        """Cores that this would get if it started now; 0: it has to wait."""
        if not self.has_place(memory_bytes, loaded_bytes):
            return 0
        free = max(0, self.usable_cores - self.cores_taken)
        if cores == -1:
            return free if self.cores_taken <= 1 and self.limit_cores >= self.cores - 1 else 0
        if cores == -2:
            return free if self.holders == 0 else 0
        return cores if cores <= free else 0

    def has_place(self, memory_bytes: int, loaded_bytes: int) -> bool:
        """Whether there is a slot, and memory, for something that starts when a core is free."""
        return bool(self._free_slots) and (not memory_bytes or self._has_room(memory_bytes, loaded_bytes))

    def _has_room(self, memory_bytes: int, loaded_bytes: int) -> bool:
        alone = not self.holders and self.limit_bytes >= self.memory_bytes
        return alone or self.memory_taken + loaded_bytes + memory_bytes <= self.limit_bytes

    def take(self, cores: int, memory_bytes: int) -> int:
        """Hold what was granted; returns the slot, always the lowest free one, so that few are ever used."""
        self.cores_taken += cores
        self.memory_taken += memory_bytes
        self.holders += 1
        return heapq.heappop(self._free_slots)

    def give_back(self, slot: int, cores: int, memory_bytes: int, reuse_slot: bool = True) -> None:
        """Hold it no longer. A slot whose processes could not be killed is not used again."""
        self.cores_taken -= cores
        self.memory_taken -= memory_bytes
        self.holders -= 1
        if reuse_slot:
            heapq.heappush(self._free_slots, slot)
