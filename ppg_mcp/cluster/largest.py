"""How large the machines of the cluster are: what none can give is refused. But one that is away may come back.

So a size counts for some time after its last machine was there, and at the beginning nothing is known for so long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Sizes = tuple[tuple[int, int], ...]
"""Cores and memory_bytes."""


@dataclass(slots=True)
class LargestLately:
    """`patience_s`: that time."""

    patience_s: float
    _until: dict[tuple[int, int], float] = field(default_factory=dict)
    """By size: when it counts no more; never, of those that are there."""
    _known_from: float = math.inf
    _is_known: bool = False
    _told: Sizes = ()

    def hear(self, sizes: Sizes, now: float) -> None:
        """These are there now. Where none is, nothing is known."""
        if sizes:
            self._known_from = min(self._known_from, now + self.patience_s)
        for size in self._until:
            self._until[size] = min(self._until[size], now + self.patience_s)
        self._until.update(dict.fromkeys(sizes, math.inf))

    @property
    def deadline(self) -> float:
        """When to look again."""
        return min(self._until.values(), default=math.inf) if self._is_known else self._known_from

    def due(self, now: float) -> Sizes | None:
        """What to tell now, if it is something else than before."""
        if now < self._known_from:
            return None
        self._is_known = True
        self._until = {size: until for size, until in self._until.items() if now < until}
        sizes = tuple(sorted(self._until, reverse=True))
        if sizes == self._told:
            return None
        self._told = sizes
        return sizes
