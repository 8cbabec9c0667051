"""Deadlines of many keys: which is next, which are due. The time of a key may be moved at will.

A heap with stale entries left in it, dropped when they surface: moving a deadline later, which every received envelope
does, costs one dict assignment. Rejected: the minimum over all sessions on every turn (a millisecond for a thousand).
Invariant: every key of `_at` has a heap entry that is not later than its time.
"""

from __future__ import annotations

from heapq import heappop, heappush


class Agenda:
    """Keys are identities of peers."""

    def __init__(self) -> None:
        self._at: dict[bytes, float] = {}
        self._entry: dict[bytes, float] = {}
        self._heap: list[tuple[float, bytes]] = []

    def put(self, key: bytes, at: float | None) -> None:
        """Set, move or (None) remove the deadline of a key."""
        if at is None:
            self._at.pop(key, None)
            self._entry.pop(key, None)
            return
        self._at[key] = at
        if at < self._entry.get(key, float("inf")):
            self._entry[key] = at
            heappush(self._heap, (at, key))

    def next(self) -> float | None:
        """The earliest deadline."""
        while self._heap:
            entry, key = self._heap[0]
            if self._entry.get(key) != entry:
                heappop(self._heap)
            elif self._at[key] != entry:
                heappop(self._heap)
                self._entry[key] = self._at[key]
                heappush(self._heap, (self._at[key], key))
            else:
                return entry
        return None

    def due(self, now: float) -> list[bytes]:
        """The keys whose time has come, removed; whoever handles one puts it back with its new deadline."""
        keys = []
        at = self.next()
        while at is not None and at <= now:
            key = self._heap[0][1]
            self.put(key, None)
            keys.append(key)
            at = self.next()
        return keys
