"""Attempts that have not started, in the order of their Run, and the loads that they wait for. Pure bookkeeping.

Three queues ordered by the attempt's arrival: attempts whose data is resident, the same for generating attempts, and
wanted loads (by their first asker). They are heaps with lazy deletion: an entry counts only while `queued` (for a load:
`askers`) still knows it. After a loss of data everything is queued anew; that is rare and linear.
"""

from __future__ import annotations

import heapq
from collections.abc import Container
from dataclasses import dataclass, field

from ppg_protocol.messages import Run

Entry = tuple[int, int, int]
"""(arrival, position among the attempt's loads, attempt or load), so that tuples compare in the order to start in."""


@dataclass(slots=True)
class Queued:
    """One attempt that has not started. Invariant: it is in the ready queue if and only if nothing is missing."""

    run: Run
    arrival: int
    missing: dict[int, None] = field(default_factory=dict)


class Waiting:
    """All that has not started."""

    def __init__(self) -> None:
        self.queued: dict[int, Queued] = {}
        self.ready = 0
        """Attempts that wait for nothing but cores and memory. (Those that generate wait for the successor's place.)"""
        self.askers: dict[int, dict[int, None]] = {}
        self._ready: list[Entry] = []
        self._ready_generators: list[Entry] = []
        self._loads: list[Entry] = []
        self._arrivals = 0

    def add(self, run: Run, resident: Container[int]) -> None:
        """Queue an attempt behind the others."""
        self._arrivals += 1
        self._enqueue(Queued(run, self._arrivals), resident)

    def put_back(self, item: Queued, resident: Container[int]) -> None:
        """Queue one that was removed where it was before."""
        self._enqueue(item, resident)

    def _enqueue(self, item: Queued, resident: Container[int]) -> None:
        attempt = item.run.attempt
        self.queued[attempt] = item
        item.missing = {job: None for job in item.run.loads if job not in resident}
        for position, job in enumerate(item.missing):
            askers = self.askers.setdefault(job, {})
            if not askers:
                heapq.heappush(self._loads, (item.arrival, position, job))
            askers[attempt] = None
        if not item.missing:
            self._push_ready(item)

    def _push_ready(self, item: Queued) -> None:
        queue = self._ready_generators if item.run.generates else self._ready
        heapq.heappush(queue, (item.arrival, 0, item.run.attempt))
        self.ready += not item.run.generates

    def remove(self, attempt: int) -> Queued:
        """Take an attempt out, because it starts or because it never will."""
        item = self.queued.pop(attempt)
        self.ready -= not item.missing and not item.run.generates
        for job in item.missing:
            askers = self.askers[job]
            del askers[attempt]
            if not askers:
                del self.askers[job]
        return item

    def start_load(self, job: int) -> None:
        """The first wanted load starts; its askers go on waiting for it."""
        assert self._loads[0][2] == job
        heapq.heappop(self._loads)

    def loaded(self, job: int) -> None:
        """This load is resident now; whoever missed nothing else is ready."""
        for attempt in self.askers.pop(job, {}):
            item = self.queued[attempt]
            del item.missing[job]
            if not item.missing:
                self._push_ready(item)

    def requeue(self, resident: Container[int]) -> None:
        """Sort everything in anew, in the old order, after data was lost or unloaded."""
        items = list(self.queued.values())
        self.clear()
        for item in items:
            self._enqueue(item, resident)

    def clear(self) -> None:
        """Forget everything."""
        for queue in (self.queued, self.askers, self._ready, self._ready_generators, self._loads):
            queue.clear()
        self.ready = 0

    def run_of(self, is_load: bool, number: int) -> Run:
        """The attempt, or the first of those that wait for the load."""
        return self.queued[next(iter(self.askers[number])) if is_load else number].run

    def first(self, successor_free: bool) -> tuple[bool, int] | None:
        """What is to start next, (is a load, attempt or load); what needs a successor only if one may be made."""
        best = self._first_ready(self._ready)
        if successor_free:
            generator = self._first_ready(self._ready_generators)
            if generator is not None and (best is None or generator < best):
                best = generator
            load = self._first_load()
            if load is not None and (best is None or load < best):
                return True, load[2]
        return None if best is None else (False, best[2])

    def _first_ready(self, queue: list[Entry]) -> Entry | None:
        while queue:
            item = self.queued.get(queue[0][2])
            if item is not None and item.arrival == queue[0][0] and not item.missing:
                return queue[0]
            heapq.heappop(queue)
        return None

    def _first_load(self) -> Entry | None:
        while self._loads:
            if self._loads[0][2] in self.askers:
                return self._loads[0]
            heapq.heappop(self._loads)
        return None
