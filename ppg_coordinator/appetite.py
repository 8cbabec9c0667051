"""What a session is believed to want: rises count at once, falls after a while.

Demand flutters as jobs end and others become ready. Taking cores from a session for a moment's lull means that it
has to wait for somebody else's job to end when they are wanted again. So the peak of the last one to two `LULL_S`
counts (a windowed maximum in two buckets), per shape; but a wide job (cores -1, -2) that ended is gone at once,
it kept a whole machine. Counts are capped at what the machines could run at all, so that a long queue that gets
shorter is no change.
"""

from __future__ import annotations

from .events import Shape

LULL_S = 1.0

Key = tuple[int, int, int]
"""Cores, memory_bytes and data_bytes of a shape."""


class Appetite:
    """Invariant: no count in `counts` is below the newest demand (capped); `falls_at` is set while one is above it."""

    def __init__(self) -> None:
        self.counts: dict[Key, int] = {}
        self.falls_at: float | None = None
        self._newest: dict[Key, int] = {}
        self._peak: dict[Key, int] = {}
        self._raw: tuple[Shape, ...] = ()

    def state(self, shapes: tuple[Shape, ...], cores: int, machines: int, now: float) -> bool:
        """The newest demand, on so many cores and machines. Did what is believed change?"""
        self._raw = shapes
        newest: dict[Key, int] = {}
        for shape in shapes:
            key = (shape.cores, max(0, shape.memory_bytes), shape.data_bytes)
            limit = machines + 1 if shape.cores < 0 else cores // shape.cores + 1
            newest[key] = min(limit, newest.get(key, 0) + shape.count)
        self._newest = {key: count for key, count in newest.items() if count > 0}
        ended = [key for key, count in self.counts.items() if key[0] < 0 and self._newest.get(key, 0) < count]
        for counts in (self.counts, self._peak):
            for key in ended:
                counts.pop(key, None)
        changed = _raise(self.counts, self._newest) or bool(ended)
        _raise(self._peak, self._newest)
        if self.falls_at is None:
            self._watch(now)
        return changed

    def restate(self, cores: int, machines: int, now: float) -> bool:
        """The machines changed."""
        return self.state(self._raw, cores, machines, now)

    def elapse(self, now: float) -> bool:
        """Believe what has lasted. Did anything change?"""
        if self.falls_at is None or now < self.falls_at:
            return False
        changed = self._peak != self.counts
        self.counts = self._peak
        self._watch(now)
        return changed

    def _watch(self, now: float) -> None:
        fallen = any(count > self._newest.get(key, 0) for key, count in self.counts.items())
        self.falls_at = now + LULL_S if fallen else None
        self._peak = dict(self._newest)


def _raise(counts: dict[Key, int], to: dict[Key, int]) -> bool:
    changed = False
    for key, count in to.items():
        if count > counts.get(key, 0):
            counts[key] = count
            changed = True
    return changed
