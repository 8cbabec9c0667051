"""Where a run stands: counts, the jobs that run, and an estimate of the time left.

It costs nothing per job but a few counters. What else is told is worked out when somebody looks: which jobs are still
to be done is read from the planner's columns, all at once as numbers of a million bits (1 ms for 100,000 jobs). So
whatever changes the planner's mind, the counts are right.

The estimate. Work left is the core-seconds of what waits and runs: what a job took in an earlier run, or, for jobs
without history, the mean of those that ended in this run, and of such that run for what they have taken already. The
time left is that by the cores of the machine, but not less than what a running job still takes, and than the longest
path of jobs that wait for each other, where all of them have a history. Loading is not counted. While nothing can run,
no time is told.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

from ..job import Job
from ..planner.core import Planner
from ..planner.node import LOADING, RUN, STARTED, WAITING
from ..priority import Priorities

_RUN = bytes(number == RUN for number in range(256))
_PENDING = bytes(number in (WAITING, STARTED) for number in range(256))
_COUNTS = bytes(number != LOADING for number in range(256))
_ONE, _ZERO = b"\1", 0


class Running(NamedTuple):
    """A job that was started. `since` is monotonic."""

    job: int
    job_id: str
    since: float
    cores: int
    pid: int


class Snapshot(NamedTuple):
    """What to show. `now` is monotonic; `running`: longest first; `left_s`: None where nothing is known."""

    now: float
    elapsed_s: float
    done: int
    waiting: int
    failed: int
    running: Sequence[Running]
    loading: Sequence[str]
    left_s: float | None
    waits_for: str = ""
    """Why nothing runs, as far as that is known."""

    @property
    def total(self) -> int:
        """Jobs that were run, run, or will as far as is known now."""
        return self.done + self.failed + self.waiting + len(self.running)


class Situation:
    """The run loop counts in it; `look` makes a snapshot."""

    def __init__(
        self, planner: Planner, order: Sequence[Job], priorities: Priorities, started_s: float, cores: int = 1
    ) -> None:
        self.planner = planner
        self.order = order
        self.priorities = priorities
        self.started_s = started_s
        self.cores = cores
        self.done = 0
        self.failed = 0
        self.ended = 0
        """Jobs that count for the mean runtime, and the core-seconds that they took."""
        self.core_s = 0.0
        self.running: dict[int, Running] = {}
        """By attempt."""
        self.loading: dict[str, Sequence[int]] = {}
        """By machine."""
        self.waits_for = ""
        """Why nothing runs, in a cluster."""
        self._own_s = array("d")
        """Core-seconds of each job in an earlier run, 0.0 where unknown."""
        self._unknown = bytearray()

    def took(self, runtime_s: float, cores: int) -> None:
        """A job ended, in so many seconds."""
        self.ended += 1
        self.core_s += runtime_s * max(1, cores)

    def look(self, now: float) -> Snapshot:
        """Where the run stands."""
        pending = self._pending()
        running = sorted(self.running.values(), key=lambda one: one.since)
        waiting = max(0, pending.count(_ONE) - len(running))
        loading = [self.order[job].job_id for job in sorted({job for jobs in self.loading.values() for job in jobs})]
        waits_for = self.waits_for if not running and not loading else ""
        left_s = None if waits_for else self._left_s(pending, running, now)
        elapsed_s = now - self.started_s
        return Snapshot(now, elapsed_s, self.done, waiting, self.failed, running, loading, left_s, waits_for)

    def _pending(self) -> bytearray:
        """A byte per job: must it still run, or does it?"""
        planner = self.planner
        columns = (planner.verdict.translate(_RUN), planner.state.translate(_PENDING), planner.kind.translate(_COUNTS))
        verdict, state, kind = (int.from_bytes(column, "little") for column in columns)
        return bytearray((verdict & state & kind).to_bytes(len(planner.nodes), "little"))

    def _left_s(self, pending: bytearray, running: Sequence[Running], now: float) -> float | None:
        self._extend()
        for one in running:
            pending[one.job] = _ZERO
        unknown = int.from_bytes(pending, "little") & int.from_bytes(self._unknown, "little")
        without_history = unknown.to_bytes(len(pending), "little").count(_ONE)
        new = [one for one in running if self._unknown[one.job]]
        if (without_history or new) and not self.ended:
            return None
        took_s = self.core_s + sum((now - one.since) * max(1, one.cores) for one in new)
        mean_s = took_s / max(1, self.ended + len(new))
        rests_s = [self._rest_s(one, mean_s, now) for one in running]
        work_s = sum(compress(self._own_s, pending)) + without_history * mean_s
        work_s += sum(rest_s * max(1, one.cores) for one, rest_s in zip(running, rests_s, strict=True))
        path_s = 0.0 if without_history or new else self._longest_path_s(pending, running, rests_s)
        return max(work_s / self.cores, path_s, *rests_s, 0.0)

    def _rest_s(self, one: Running, mean_s: float, now: float) -> float:
        """Of a job that runs. One that takes longer than expected is taken to do so for as long again."""
        former = self.planner.nodes[one.job].former
        expected_s = former.runtime_s if former and former.runtime_s else mean_s / max(1, one.cores)
        return abs(expected_s - (now - one.since))

    def _longest_path_s(self, waiting: bytearray, running: Sequence[Running], rests_s: Sequence[float]) -> float:
        remaining_s = self.priorities.remaining_s
        longest_s = max(compress(remaining_s, waiting), default=0.0)
        for one, rest_s in zip(running, rests_s, strict=True):
            former = self.planner.nodes[one.job].former
            if former is not None and one.job < len(remaining_s):
                longest_s = max(longest_s, remaining_s[one.job] - former.runtime_s + rest_s)
        return longest_s

    def _extend(self) -> None:
        """Take in the history of jobs that came since the last look."""
        for node in self.planner.nodes[len(self._own_s) :]:
            former_s = node.former.runtime_s if node.former is not None else 0.0
            needed = self.order[len(self._own_s)].cores_needed
            self._unknown.append(not former_s)
            self._own_s.append(former_s * (min(needed, self.cores) if needed > 0 else self.cores))
