"""The data processes of a session: which is current, what it holds, who descends from whom. Pure bookkeeping.

    supervisor ── pristine ── successor ── successor ── … ── current
                     └ never loads, never retires

A load or a generator runs in a forked successor of the current one, one at a time. A successor that takes over becomes
current and, once it has said that it no longer depends on its predecessor, the predecessor retires (unless it is the
pristine one). What is resident, and which generators' tasks exist, are properties of the current one: when it dies, all
of that is gone and the pristine one is current again. What was unloaded, or lost, takes memory until the last data
process that was forked while it was there has ended: until then it is *fading*.

Rejected: falling back to a predecessor that has not ended yet. It saves a reload in a rare case, and makes "what is
resident" a property of every process.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Loss:
    """What went down with the current data process."""

    jobs: tuple[int, ...]
    generators: tuple[int, ...]
    tasks: frozenset[int]


class Lineage:
    """Living data processes by number, and what the current one holds."""

    def __init__(self) -> None:
        self.pristine = 1
        self.current = 1
        self.predecessors: dict[int, int] = {1: 0}
        self.resident: dict[int, int] = {}
        self.generated: dict[int, tuple[int, ...]] = {}
        self.leaving: dict[int, int] = {}
        """Loads that are to be unloaded as soon as no successor is being made. Invariant: they are not resident, except
        for one that is loaded in that successor."""
        self.fading: list[tuple[int, frozenset[int]]] = []
        """Bytes, and the data processes that hold them; at least one of those lives."""
        self._numbers = 1

    @property
    def loaded_bytes(self) -> int:
        """Declared, else measured size of what is resident, leaving or fading."""
        loaded_bytes = sum(self.resident.values())
        if self.leaving or self.fading:
            loaded_bytes += sum(self.leaving.values()) + sum(size for size, _ in self.fading)
        return loaded_bytes

    def new_successor(self) -> int:
        """Number of a successor that the current data process is about to fork."""
        self._numbers += 1
        self.predecessors[self._numbers] = self.current
        return self._numbers

    def unload(self) -> tuple[int, ...]:
        """What was leaving is not in the current data process any more."""
        jobs = tuple(self.leaving)
        self._fade(sum(size + self.resident.pop(job, 0) for job, size in self.leaving.items()))
        self.leaving.clear()
        return jobs

    def _fade(self, size: int) -> None:
        holders = self.predecessors.keys() - {self.pristine, self.current}
        if size and holders:
            self.fading.append((size, frozenset(holders)))

    def died(self, process: int) -> int | None:
        """A data process is gone; returns its predecessor, None if it was gone already."""
        predecessor = self.predecessors.pop(process, None)
        if self.fading:
            living = self.predecessors.keys()
            self.fading = [(size, holders) for size, holders in self.fading if not living.isdisjoint(holders)]
        return predecessor

    def take_over(self, process: int) -> None:
        """This successor of the current data process is current now, and holds what that held."""
        assert self.predecessors[process] == self.current
        self.current = process

    def to_retire(self, process: int) -> int:
        """The data process that has nothing to do any more since this one took over; 0 if there is none."""
        predecessor = self.predecessors.get(process, 0)
        return predecessor if predecessor != self.pristine and predecessor in self.predecessors else 0

    def is_orphaned(self, predecessor: int) -> bool:
        """Has this data process nothing to do any more, since the one that took over from it is gone?"""
        return predecessor in self.predecessors and predecessor not in (self.pristine, self.current)

    def replace_pristine(self) -> int:
        """Number of the new pristine data process, after the former died."""
        self._numbers += 1
        if self.current == self.pristine:
            self.current = self._numbers
        self.pristine = self._numbers
        self.predecessors[self._numbers] = 0
        return self._numbers

    def lose_current(self) -> Loss:
        """The current data process is gone: back to the pristine one."""
        tasks = frozenset(job for jobs in self.generated.values() for job in jobs)
        loss = Loss(tuple(self.resident), tuple(self.generated), tasks)
        self._fade(sum(self.resident.values()) + sum(self.leaving.values()))
        self.resident.clear()
        self.leaving.clear()
        self.generated.clear()
        self.current = self.pristine
        return loss
