"""What the coordinator is told that we want: when it has changed, and not more often than now and then.

Counts above `EXACT_UP_TO` are rounded up to a power of two: a queue of a million jobs that gets shorter is said in a
dozen messages. Of more than `SHAPES_MAX` shapes, neighbours are stated as the largest of them, in memory and in data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from ppg_protocol.cluster_messages import Demand, DemandedShape, LoadedData

Shape = tuple[int, int, int]
"""Cores, memory_bytes, data_bytes."""

EXACT_UP_TO = 64
SHAPES_MAX = 256
"""A coordinator goes through all of them often, and takes 1024 at most."""
PAUSE_S = 0.1


@dataclass(slots=True)
class DemandStatement:
    """`counts`: see `Dispatcher.demand`; `loaded`: what is loaded, by machine."""

    counts: Mapping[Shape, int] = field(default_factory=dict)
    loaded: Mapping[str, int] = field(default_factory=dict)
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
        shapes = tuple(
            DemandedShape(cores, memory_bytes, _rounded(count), data_bytes)
            for (cores, memory_bytes, data_bytes), count in _grouped(self.counts)
        )
        demand = Demand(shapes, 0, tuple(LoadedData(*pair) for pair in sorted(self.loaded.items())))
        if demand == self.stated:
            return None
        self.stated, self.at = demand, now + PAUSE_S
        return demand


def _grouped(demanded: Mapping[Shape, int]) -> list[tuple[Shape, int]]:
    """Shapes and counts in order, neighbours of the same cores together if there are too many."""
    shapes = sorted(demanded.items())
    if len(shapes) <= SHAPES_MAX:
        return shapes
    width = -(-len(shapes) // SHAPES_MAX)
    grouped: list[tuple[Shape, int]] = []
    for cores, same in groupby(shapes, key=lambda pair: pair[0][0]):
        neighbours = list(same)
        for first in range(0, len(neighbours), width):
            group = neighbours[first : first + width]
            largest = cores, max(shape[1] for shape, _ in group), max(shape[2] for shape, _ in group)
            grouped.append((largest, sum(count for _, count in group)))
    return grouped


def _rounded(count: int) -> int:
    return count if count <= EXACT_UP_TO else 1 << (count - 1).bit_length()
