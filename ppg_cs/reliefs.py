"""Jobs that are ordered ahead: their data process forks each of them the moment one of its jobs ends.

So no core waits while the supervisor is told of the end and answers. Both sides count the job processes of a data
process that have ended. A relief is bound to one of these ends, and an end has one relief at most; so whoever hears of
an end knows who has the core now, also where end and order have crossed: then it is forked when the order comes.

Pure bookkeeping.
"""

from __future__ import annotations

from collections import Counter

RELIEFS_MAX = 4
"""Of a data process. They can't be sent elsewhere without asking for them."""


class Reliefs:
    """By data process: how many jobs run, how many have ended, and which end is waited for by whom."""

    def __init__(self) -> None:
        self._running: Counter[int] = Counter()
        self._ends: Counter[int] = Counter()
        self._due: dict[int, dict[int, int]] = {}
        """By data process: attempts by the number of the end that they wait for."""
        self._asked: set[int] = set()
        """Attempts that wait, and that were asked for again."""

    def waiting(self, process: int) -> frozenset[int]:
        """Attempts that wait for an end there, as far as is known."""
        return frozenset(self._due.get(process, {}).values())

    def process_of(self, attempt: int) -> int:
        """Where it waits; 0 if it doesn't, as far as is known."""
        return next((process for process, due in self._due.items() if attempt in due.values()), 0)

    def ask(self, process: int) -> bool:
        """Ask for all that wait there; returns whether any was not asked for yet."""
        unasked = self.waiting(process) - self._asked
        self._asked |= unasked
        return bool(unasked)

    def next_end(self, process: int) -> int:
        """The end that one more can wait for; 0 if there is none that is sure to come."""
        due, ends = self._due.get(process, {}), self._ends[process]
        count = min(RELIEFS_MAX, self._running[process])
        return next((end for end in range(ends + 1, ends + count + 1) if end not in due), 0)

    def order(self, process: int, end: int, attempt: int) -> None:
        """It is ordered to start at this end."""
        self._due.setdefault(process, {})[end] = attempt

    def started(self, process: int) -> None:
        """A job was ordered to start at once."""
        self._running[process] += 1

    def refused(self, process: int) -> None:
        """One that was to start did not, so it will not end."""
        self._running[process] -= 1

    def ended(self, process: int) -> int:
        """A job process has ended; returns the attempt that has started in its place, 0 if none has."""
        self._ends[process] += 1
        relief = self._due.get(process, {}).pop(self._ends[process], 0)
        self._running[process] -= not relief
        self._asked.discard(relief)
        return relief

    def taken_back(self, process: int, attempt: int) -> None:
        """It was not started, and is not going to be."""
        self._asked.discard(attempt)
        due = self._due.get(process, {})
        for end in [end for end, other in due.items() if other == attempt]:
            del due[end]

    def died(self, process: int) -> None:
        """The data process is gone."""
        del self._running[process], self._ends[process]
        self._asked.difference_update(self._due.pop(process, {}).values())
