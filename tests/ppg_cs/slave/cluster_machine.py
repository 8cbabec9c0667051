"""A machine of a cluster without processes: what `cs_machine` is for a machine alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cs_machine import Machine

from ppg_cs import events as on
from ppg_cs import instructions as do
from ppg_cs.slave.cluster_core import ClusterSupervisorCore
from ppg_cs.slave.cluster_events import ClusterEvent
from ppg_protocol.cluster_messages import Limit
from ppg_protocol.messages import Define
from ppg_protocol.records import Blob

LEASE_S = 1e9


class ClusterMachine(Machine):
    """Checks at every start that the limit is kept, and that the data process has all parts."""

    core: ClusterSupervisorCore

    def __init__(self, cores: int = 2, memory_bytes: int = 1000, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self.known: dict[int, bytes] = {}
        """Parts that were kept."""
        self.parts: dict[int, set[int]] = {}
        """What data processes have of them."""
        self.holds: list[do.Hold] = []
        self.limits = 0
        super().__init__(cores, memory_bytes)

    def new_core(self, cores: int, memory_bytes: int) -> ClusterSupervisorCore:
        """See Machine."""
        return ClusterSupervisorCore("m", cores, memory_bytes, cores + 8, self.lease_s, 0.0)

    def tell(self, event: ClusterEvent) -> list[Any]:
        """See Machine. Generators make a part, which gets its number when it is defined."""
        if isinstance(event, Define) and event.attempt:
            event = replace(event, part=len(self.known))
        elif isinstance(event, on.Prepared) and event.report.result is not None:
            event = replace(event, report=replace(event.report, result=replace(event.report.result, chunk=b"G")))
        return super().tell(event)  # type: ignore[arg-type]

    def limit(self, cores: int, memory_bytes: int = 1000) -> list[Any]:
        """Another limit."""
        self.limits += 1
        return self.tell(Limit("s", self.limits, cores, memory_bytes))

    def define(self, *jobs: int) -> list[Any]:
        """The master sends the next part."""
        return self.tell(Define(0, jobs, Blob(b"B"), len(self.known)))

    def _perform(self, instructions: list[do.Instruction]) -> None:
        for i in instructions:
            match i:
                case do.KeepPart(part, chunk):
                    assert part not in self.known
                    self.known[part] = chunk
                    self.done.append(i)
                case do.FeedParts(process, parts):
                    had = self.parts[process]
                    assert had.isdisjoint(part for part, _ in parts), "fed twice"
                    had.update(part for part, _ in parts)
                    self.done.append(i)
                case do.DefineTasks(process, _, part):
                    self.parts[process].add(part)
                    super()._perform([i])
                case do.ForkPristine(number):
                    self.parts[number] = set()
                    super()._perform([i])
                case do.Hold():
                    self.holds.append(i)
                case _:
                    super()._perform([i])

    def _start(self, process: Any) -> None:
        super()._start(process)
        admission = self.core.admission
        assert admission.cores_taken <= admission.limit_cores, "above the limit"
        assert self.parts[process.parent] == set(self.known), "forked from a data process without all tasks"
        if process.successor:
            self.parts[process.successor] = set(self.parts[process.parent])
