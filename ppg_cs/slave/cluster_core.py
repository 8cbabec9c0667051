"""The supervisor's decisions where the machine is shared and the master elsewhere: what comes on top of the others.

- *Limit.* Nothing starts that exceeds it; nothing is killed for it. What is held, max(limit, what is taken), is
  reported when a limit was applied and whenever it changes. Before the first limit nothing may start.
- *Data.* Loaded data is in the way of others on a machine of which the session has no core any more: as soon as nothing
  of it runs there, it is given up, and loaded again when it is needed.
- *Lease.* When nothing that the master acknowledged was sent later than the lease ago, it may have given this machine
  up: everything is killed, at once.
- *Parts.* Tasks come as parts of a stream. The pristine and the current data process load each when it comes; a
  successor in flight catches up when it takes over, before anything is started in it; a pristine one that was made anew
  loads all. So generated jobs are never lost with a data process, and DataLost names no generators.
- *Unfit.* A machine that can't load a part, or start a data process, says so and leaves.
- *Drain.* Nothing starts any more, what waits is retracted; when all results are acknowledged, it leaves.
"""

from __future__ import annotations

from ppg_cs import instructions as do
from ppg_cs.endings import PRISTINE_DEATHS_MAX
from ppg_cs.events import DataProcessDied, Prepared, Tick
from ppg_cs.instructions import Instruction
from ppg_cs.slave.cluster_events import ClusterEvent, Drain
from ppg_cs.slave.exits import LEASE_OVER, UNFIT
from ppg_cs.slave.parts import Parts
from ppg_cs.supervisor_core import SupervisorCore
from ppg_cs.work import Work
from ppg_protocol.cluster_messages import Limit, Unfit
from ppg_protocol.errors import RemoteProtocolError
from ppg_protocol.messages import Cancel, Define, Run
from ppg_protocol.records import AwaitedFile, Blob


class ClusterSupervisorCore(SupervisorCore):
    """State of one session on one machine of a cluster."""

    def __init__(self, machine_id: str, cores: int, memory_bytes: int, slots: int, lease_s: float, now: float) -> None:
        super().__init__(cores, memory_bytes, slots)
        self.machine_id = machine_id
        self.admission.limit(0, 0)
        self.parts = Parts()
        self.limit: Limit | None = None
        self.draining = False
        self._lease_s = lease_s
        self.lease_until = now + lease_s
        self._reported = (0, 0)
        self._chunks: dict[int, Blob] = {}
        """By attempt: parts that generators made here and that have no number yet."""
        self._handlers |= {Limit: self._on_limit, Drain: self._on_drain, Unfit: self._on_unfit}

    def handle(self, event: ClusterEvent, now: float) -> list[Instruction]:
        """See SupervisorCore."""
        out = super().handle(event, now)  # type: ignore[arg-type]
        self._make_way()
        self._report_holding()
        if self.draining and not self.work and not self.finished and not self.offered:
            out.append(do.Leave(self.exit_code))
        return out

    def confirm(self, sent_at: float) -> None:
        """The master has acknowledged what was sent then."""
        self.lease_until = max(self.lease_until, sent_at + self._lease_s)

    def is_lost(self, now: float) -> bool:
        """Whether the lease has run out: whatever has come since must not be obeyed any more."""
        return now >= self.lease_until

    def deadline(self) -> float | None:
        """See SupervisorCore."""
        closing = super().deadline()
        return self.lease_until if closing is None else min(closing, self.lease_until)

    def _on_tick(self, event: Tick, now: float) -> None:
        super()._on_tick(event, now)
        if self.is_lost(now):
            self._out.append(do.Leave(LEASE_OVER))

    # ----------------------------------------------------------------------------------------------- limits and ends

    def _on_limit(self, limit: Limit, now: float) -> None:
        self.limit = limit
        self.admission.limit(*((0, 0) if self.draining else (limit.cores, limit.memory_bytes)))
        self._reported = (-1, -1)
        if self.admission.is_above_limit or self._taken_bytes > self.admission.limit_bytes:
            self._take_back(self.lineage.current)

    @property
    def _taken_bytes(self) -> int:
        return self.admission.memory_taken + self.lineage.loaded_bytes

    def _report_holding(self) -> None:
        if self.limit is None:
            return
        adm = self.admission
        holding = (max(adm.limit_cores, adm.cores_taken), max(adm.limit_bytes, self._taken_bytes))
        if holding != self._reported:
            self._reported = holding
            self._out.append(do.Hold(self.limit.number, *holding))

    def _make_way(self) -> None:
        idle = not self.work and self.successor is None and self.closing_until is None
        if not self.lineage.resident or not idle or self.limit is None or self.limit.cores or self.draining:
            return
        self._give_up_data("the machine is needed by others")

    def _give_up_data(self, reason: str) -> None:
        self.parts.forget(self.lineage.current)
        super()._give_up_data(reason)

    def _on_drain(self, event: Drain, now: float) -> None:
        self.draining = True
        self.admission.limit(0, 0)
        self._retract(tuple(self.waiting.queued))
        self._retract_reliefs(tuple(self.work))

    def _on_run(self, run: Run, now: float) -> None:
        super()._on_run(run, now)
        if self.draining and run.attempt in self.waiting.queued:
            self._retract((run.attempt,))

    def _on_unfit(self, message: Unfit, now: float) -> None:
        if self.closing_until is None:
            self._send(message)
            self.exit_code = UNFIT
            self._close(now)

    # ---------------------------------------------------------------------------------------------------------- parts

    def _on_define(self, message: Define, now: float) -> None:
        if message.part in self.parts.jobs:
            return
        chunk = self._chunks.pop(message.attempt, Blob(b""))
        self._keep(message, message.chunk or chunk)
        offer = self.successor
        if message.attempt and offer is not None and self.offered and offer.key == message.attempt:
            self.parts.made(offer.successor, message.part)
            self._catch_up(offer.successor)
            self._out.append(do.DefineTasks(offer.successor, message.jobs, message.part))
            self._take_over(offer)

    def _keep(self, message: Define, chunk: Blob) -> None:
        if not chunk:
            raise RemoteProtocolError(f"part {message.part} is empty, and attempt {message.attempt} made none here")
        self._out.append(do.KeepPart(message.part, chunk))
        self.parts.add(message.part, message.jobs)
        for process in dict.fromkeys((self.lineage.pristine, self.lineage.current)):
            self._catch_up(process)

    def _catch_up(self, process: int) -> None:
        missing = self.parts.missing(process)
        if missing:
            self._out.append(do.FeedParts(process, missing))
            self.parts.fed(process)

    def _start_successor(self, key: int, job: int, cores: int, memory: int, files: tuple[AwaitedFile, ...]) -> None:
        super()._start_successor(key, job, cores, memory, files)
        assert self.successor is not None
        self.parts.inherit(self.successor.successor, self.successor.process)

    def _take_over(self, work: Work) -> None:
        self._catch_up(work.successor)
        super()._take_over(work)

    def _replace_pristine(self, now: float) -> None:
        super()._replace_pristine(now)
        if self.closing_until is None:
            self._catch_up(self.lineage.pristine)
        else:
            self.exit_code = UNFIT
            text = f"{PRISTINE_DEATHS_MAX} data processes in a row died before they did anything"
            self._send(Unfit(self.machine_id, text))

    def _on_data_process_died(self, event: DataProcessDied, now: float) -> None:
        self.parts.forget(event.process)
        super()._on_data_process_died(event, now)

    def _on_prepared(self, event: Prepared, now: float) -> None:
        super()._on_prepared(event, now)
        if self.offered and event.key in self.finished:
            self._chunks[event.key] = self.finished[event.key].chunk

    def _on_cancel(self, message: Cancel, now: float) -> None:
        self._chunks.pop(message.attempt, None)
        super()._on_cancel(message, now)

    def _lose_offer(self, offer: Work, reason: str) -> None:
        self._discard_offer(offer)

    def sanity_check(self) -> None:
        """See SupervisorCore."""
        super().sanity_check()
        if self.closing_until is None:
            assert not self.parts.missing(self.lineage.pristine)
            assert not self.parts.missing(self.lineage.current)
