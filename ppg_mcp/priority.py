"""In which order ready jobs go: what frees temporaries and loaded data first, then what is deepest, then what holds up
most, that is, the longest path of runtimes still ahead (from earlier runs, where there were any).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .planner.core import Planner
from .planner.node import LOADING, TEMPORARY

if TYPE_CHECKING:
    from .dispatcher.events import Priority

DEFAULT_RUNTIME_S = 1.0


class Priorities:
    """Computed for all jobs known at a time, when the first of them is about to start."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._depth: list[int] = []
        self.remaining_s: list[float] = []
        """Of each job known so far: its own runtime and the longest path of those that wait for it."""

    def of(self, job: int) -> Priority:
        """The priority of one job; smaller goes first."""
        if job >= len(self._depth):
            self._extend()
        inputs = self._planner.inputs[job]
        kind = self._planner.kind
        frees = any(kind[p] in (TEMPORARY, LOADING) for p in inputs)
        return (not frees, -self._depth[job], -self.remaining_s[job], job)

    def _extend(self) -> None:
        """Nodes are in topological order: depth forwards, remaining path backwards, once per batch of jobs."""
        planner = self._planner
        first, end = len(self._depth), len(planner.nodes)
        depth, remaining = self._depth, self.remaining_s
        for job in range(first, end):
            depth.append(1 + max((depth[p] for p in planner.inputs[job] if p < job), default=-1))
            remaining.append(0.0)
        for job in range(end - 1, first - 1, -1):
            former = planner.nodes[job].former
            own = former.runtime_s if former and former.runtime_s else DEFAULT_RUNTIME_S
            ahead = max((remaining[d] for d in planner.dependants.get(job, ()) if d < end), default=0.0)
            remaining[job] = own + ahead
