"""The queue of narrow jobs (cores > 0), by what they need, so that those that fit nowhere now are in nobody's way.

Jobs of about the same cores, memory and data share a heap by priority: a job that does not fit hides only those. There
are few heaps however many sizes there are: a kind spans an eighth of a power of two of memory, a power of two of data.

Rejected: one heap, and jobs that don't fit put aside while a machine is filled. It is slow when many don't, and has to
give up after some, with machines idle.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container

from .events import Offer, Priority

Kind = tuple[int, int, int, bool, int]
DIGITS = 4
"""Binary digits of the memory that make a kind."""


class NarrowQueue:
    """Entries count only as long as they are in `waiting`: it is the dispatcher's."""

    def __init__(self, waiting: Container[int]) -> None:
        self._waiting = waiting
        self._heaps: dict[Kind, list[tuple[Priority, int]]] = {}

    def add(self, offer: Offer) -> None:
        """One more."""
        heapq.heappush(self._heaps.setdefault(_kind(offer), []), (offer.priority, offer.job))

    def take(self, offer: Offer) -> None:
        """Remove what `first` has found."""
        heap = self._heaps[_kind(offer)]
        assert heap[0][1] == offer.job, offer
        heapq.heappop(heap)

    def first(self, fits: Callable[[int], bool]) -> int | None:
        """The job that goes next of those that fit. It stays in the queue."""
        best: tuple[Priority, int] | None = None
        empty = False
        for heap in self._heaps.values():
            while heap and heap[0][1] not in self._waiting:
                heapq.heappop(heap)
            if not heap:
                empty = True
            elif (best is None or heap[0] < best) and fits(heap[0][1]):
                best = heap[0]
        if empty:
            self._heaps = {kind: heap for kind, heap in self._heaps.items() if heap}
        return None if best is None else best[1]


def _kind(offer: Offer) -> Kind:
    magnitude = max(0, offer.memory_bytes.bit_length() - DIGITS)
    data = bool(offer.loads), offer.loads_bytes.bit_length()
    return offer.cores, magnitude, offer.memory_bytes >> magnitude, *data
