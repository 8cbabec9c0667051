"""Contestants take turns within one run, so that a machine whose speed varies is as fast for each; medians count."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from _process import Cost

Name = TypeVar("Name", bound=Hashable)


@dataclass(slots=True)
class Sample:
    """What one contestant cost, each time."""

    costs: list[Cost] = field(default_factory=list)

    @property
    def wall_s(self) -> float:
        return statistics.median(cost.wall_s for cost in self.costs)

    @property
    def cpu_s(self) -> float:
        return statistics.median(cost.cpu_s for cost in self.costs)

    def said(self, fact: str) -> float:
        """Median of what the program told."""
        return statistics.median(cost.said[fact] for cost in self.costs)


def in_turns(contestants: Mapping[Name, Callable[[], Cost]], repeats: int) -> dict[Name, Sample]:
    """Each contestant once, then each once more, and so on."""
    samples = {name: Sample() for name in contestants}
    for _ in range(repeats):
        for name, contestant in contestants.items():
            samples[name].costs.append(contestant())
    return samples
