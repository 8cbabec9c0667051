"""What the coordinator is told that we want: when it has changed, and not more often than now and then.

Counts above `EXACT_UP_TO` are rounded up to a power of two: a queue of a million jobs that gets shorter is said in a
dozen messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ppg_protocol.cluster_messages import Demand, DemandedShape

EXACT_UP_TO = 64
PAUSE_S = 0.1


@dataclass(slots=True)
class DemandStatement:
    """`counts`: jobs that are ready or run, by cores and memory_bytes; `data_bytes`: what their data takes, or will."""

    counts: Mapping[tuple[int, int], int] = field(default_factory=dict)
    data_bytes: int = 0
    stated: Demand | None = None
    """What the coordinator knows."""
    at: float | None = None
    """When to look again."""

    def forget(self) -> None:
        """There is a coordinator that knows nothing."""
        self.stated = self.at = None

    def due(self, now: float) -> Demand | None:
        """What to say now, if anything."""
        if self.at is not None and now < self.at:
            return None
        self.at = None
        shapes = tuple(DemandedShape(*shape, _rounded(count)) for shape, count in sorted(self.counts.items()))
        demand = Demand(shapes, self.data_bytes)
        if demand == self.stated:
            return None
        self.stated, self.at = demand, now + PAUSE_S
        return demand


def _rounded(count: int) -> int:
    return count if count <= EXACT_UP_TO else 1 << (count - 1).bit_length()
