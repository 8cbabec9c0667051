"""What ends, and how: the half of the supervisor core that is about jobs, loads, generators and data processes at work.

`supervisor_core` has the rules, and the other half: what the MCP says, and what starts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ppg_cs import instructions as do
from ppg_cs.admission import Admission
from ppg_cs.events import DataProcessDied, Exited, Forked, Prepared, Refused, Swept, TakenBack, TookOver
from ppg_cs.instructions import Instruction
from ppg_cs.lineage import Lineage
from ppg_cs.reliefs import Reliefs
from ppg_cs.report import NOTHING, Report
from ppg_cs.shortage import Shortage
from ppg_cs.verdict import died, finished, judge
from ppg_cs.waiting import Waiting
from ppg_cs.work import NO_USAGE, Work
from ppg_protocol.messages import DataLost, Finished, Loaded, LoadFailed, Retracted, Started
from ppg_protocol.records import Failure, Outcome, Usage

PRISTINE_DEATHS_MAX = 10
"""Pristine data processes that may die in a row without having forked anything, until the supervisor gives up."""


class Endings(ABC):
    """State of one session on one machine, and what becomes of it by what its processes do."""

    def __init__(self, cores: int, memory_bytes: int, slots: int) -> None:
        self.admission = Admission(cores, memory_bytes, slots)
        self.lineage = Lineage()
        self.waiting = Waiting()
        self.reliefs = Reliefs()
        self.shortage = Shortage()
        self.work: dict[int, Work] = {}
        self.finished: dict[int, Finished] = {}
        self.successor: Work | None = None
        """Invariant: in `work` as long as it is at work; an offered one (`offered`) is not."""
        self.offered = False
        """The successor is a generator's and waits for Define or Cancel."""
        self.closing_until: float | None = None
        self.exit_code = 0
        self._pristine_deaths = 0
        self._out: list[Instruction] = []

    @abstractmethod
    def _close(self, now: float) -> None:
        """End the session."""

    # ----------------------------------------------------------------------------------- jobs, and what is left of them

    def _on_forked(self, event: Forked, now: float) -> None:
        self._pristine_deaths = 0
        self.shortage.forked()
        work = self.work.get(event.key)
        if work is not None:
            work.forked = True
        if work is not None and not work.is_load:
            self._send(Started(work.key, work.cores, event.pid))

    def _on_refused(self, event: Refused, now: float) -> None:
        work = self.work.get(event.key)
        if work is None or work.sweeping:
            return
        work.reason = event.reason
        self.lineage.predecessors.pop(work.successor, None)
        if not work.successor:
            self.reliefs.refused(work.process)
            self._take_back(work.process)
        hopeless = self.shortage.refused(any(other.forked for other in self.work.values()), now)
        if hopeless or work.cancelled:
            self._conclude(work, NOTHING)
        elif work.retracted:
            self._withdraw(work)
        else:
            self._put_back(work)

    def _withdraw(self, work: Work) -> None:
        """It never had a process, and is not wanted any more."""
        self._leave_places(work)
        if self.closing_until is None:
            self._send(Retracted((work.key,)))

    def _put_back(self, work: Work) -> None:
        """It never had a process, and waits again."""
        self._leave_places(work)
        if work.queued is not None:
            self.waiting.put_back(work.queued, self.lineage.resident)
        else:
            self.waiting.requeue(self.lineage.resident)

    def _on_exited(self, event: Exited, now: float) -> None:
        work = self.work.get(event.key)
        self.shortage.over()
        if work is not None and not work.sweeping:
            if not work.successor and (relief := self.reliefs.ended(work.process)):
                self.work[relief].cores = work.passed_on = 1
            work.status, work.usage = event.status, event.usage
            self._end(work, event.report)

    def _on_taken_back(self, event: TakenBack, now: float) -> None:
        for key in event.keys:
            work = self.work.get(key)
            if work is None or work.sweeping:
                continue
            self.reliefs.taken_back(work.process, key)
            if work.retracted or work.cancelled:
                self._withdraw(work)
            else:
                self._put_back(work)

    def _end(self, work: Work, report: Report) -> None:
        """The process of this work is gone."""
        if report.result is not None and report.result.clean:
            self._conclude(work, report)
        else:
            work.sweeping = True
            self._out.append(do.Sweep(((work.key, work.slot),)))

    def _on_swept(self, event: Swept, now: float) -> None:
        for key, report in event.reports:
            work = self.work[key]
            outcome, _ = judge(work.job, work.status, work.cancelled, work.reason, report)
            if report.reached is not None and report.reached.paths and outcome != Outcome.OK:
                self._out.append(do.RemoveOutputs(report.reached.paths, report.reached.rename_broken))
            self._conclude(work, report, reuse_slot=not event.stuck)

    def _conclude(self, work: Work, report: Report, reuse_slot: bool = True) -> None:
        """Nothing of this work lives: free its places, say how it ended."""
        self._leave_places(work, reuse_slot)
        outcome, failure = judge(work.job, work.status, work.cancelled, work.reason, report)
        if work.successor and outcome == Outcome.OK:
            outcome, failure = Outcome.LOST, died(f"job {work.job}: its data process ended before it could take over")
        if work.is_load:
            self._load_failed(work, outcome, failure, report)
            return
        if outcome != Outcome.OK:
            self._out.append(do.KeepLogs(work.slot, work.key))
        self._finish(work.key, outcome, failure, work.usage, report, work.cores)

    def _leave_places(self, work: Work, reuse_slot: bool = True) -> None:
        del self.work[work.key]
        self.admission.give_back(work.slot, work.cores - work.passed_on, work.memory_bytes, reuse_slot)
        if work is self.successor:
            self.successor = None

    def _finish(
        self,
        attempt: int,
        outcome: Outcome,
        failure: Failure | None,
        usage: Usage = NO_USAGE,
        report: Report = NOTHING,
        cores: int = 0,
    ) -> None:
        message = self.finished[attempt] = finished(attempt, outcome, failure, usage, report, cores)
        self._send(message)

    def _load_failed(self, work: Work, outcome: Outcome, failure: Failure | None, report: Report) -> None:
        self._send(LoadFailed(work.job, int(outcome), report.stdout, report.stderr, failure, work.usage))
        self._retract(tuple(self.waiting.askers.get(work.job, ())))

    def _retract(self, attempts: tuple[int, ...]) -> None:
        for attempt in attempts:
            self.waiting.remove(attempt)
        if attempts:
            self._send(Retracted(attempts))

    def _kill(self, work: Work) -> None:
        if not work.sweeping and not work.cancelled:
            work.cancelled = True
            self._out.append(do.Kill(work.key))

    # ------------------------------------------------------------------------------------------------- data processes

    def _on_prepared(self, event: Prepared, now: float) -> None:
        work = self.work.get(event.key)
        if work is None or work.sweeping or work.cancelled:
            return
        assert work is self.successor
        work.usage = event.usage
        del self.work[work.key]
        self.admission.give_back(work.slot, work.cores, work.memory_bytes)
        self._pristine_deaths = 0
        if work.is_load:
            self._send(Loaded(work.job, event.report.stdout, event.report.stderr, event.usage, event.data_bytes))
            self.lineage.resident[work.job] = work.memory_bytes or event.data_bytes
            self.waiting.loaded(work.job)
            self._take_over(work)
        else:
            self.offered = True
            self._finish(work.key, Outcome.OK, None, work.usage, event.report, work.cores)

    def _take_over(self, work: Work) -> None:
        self._take_back(self.lineage.current)  # where it waits, only what runs there already will end
        self.lineage.take_over(work.successor)
        self._out.append(do.TakeOver(work.successor))
        self.successor, self.offered = None, False

    def _discard_offer(self, offer: Work) -> None:
        self._out.append(do.KillDataProcess(offer.successor))
        self.lineage.predecessors.pop(offer.successor, None)
        self.successor, self.offered = None, False

    def _on_took_over(self, event: TookOver, now: float) -> None:
        retiring = self.lineage.to_retire(event.process)
        if retiring:
            self._out.append(do.Retire(retiring))

    def _on_data_process_died(self, event: DataProcessDied, now: float) -> None:
        process, work = event.process, self.successor
        predecessor = self.lineage.died(process)
        self.reliefs.died(process)
        if predecessor is None:
            return
        reason = f"its data process ended with wait status {event.status}"
        if work is not None and work.successor == process:
            if self.offered:
                self._lose_offer(work, reason)
            elif not work.sweeping:
                work.status, work.usage = event.status, event.usage
                self._end(work, event.report)
            return
        self._lose_children(process, reason)
        was_current = process == self.lineage.current
        if process == self.lineage.pristine and self.closing_until is None:
            self._replace_pristine(now)
        if was_current:
            self._lose_data(reason)
        self._retire_orphan(predecessor)

    def _retire_orphan(self, predecessor: int) -> None:
        """It waited for its heir to say that it took over, which will not come if that died before."""
        if self.lineage.is_orphaned(predecessor):
            self._out.append(do.Retire(predecessor))

    def _lose_children(self, process: int, reason: str) -> None:
        """What this data process had forked dies with it (PR_SET_PDEATHSIG)."""
        offer = self.successor
        if offer is not None and self.offered and offer.process == process:
            self._lose_offer(offer, reason)
        lost = [work for work in self.work.values() if work.process == process and not work.sweeping]
        for work in lost:
            work.sweeping = True
            work.reason = reason
            if self.lineage.predecessors.pop(work.successor, None) is not None:
                self._out.append(do.KillDataProcess(work.successor))
        if lost:
            self._out.append(do.Sweep(tuple((work.key, work.slot) for work in lost)))

    def _lose_offer(self, offer: Work, reason: str) -> None:
        self._discard_offer(offer)
        self._send(DataLost((), (offer.key,), reason))

    def _replace_pristine(self, now: float) -> None:
        self._pristine_deaths += 1
        if self._pristine_deaths > PRISTINE_DEATHS_MAX:
            self.exit_code = 1
            self._close(now)
            return
        self._out.append(do.ForkPristine(self.lineage.replace_pristine()))

    def _lose_data(self, reason: str) -> None:
        loss = self.lineage.lose_current()
        self._out.append(do.ForgetHelpers())
        if loss.jobs or loss.generators:
            self._send(DataLost(loss.jobs, loss.generators, reason))
        queued = self.waiting.queued.values()
        self._retract(
            tuple(q.run.attempt for q in queued if q.run.job in loss.tasks or not loss.tasks.isdisjoint(q.run.loads))
        )
        self.waiting.requeue(self.lineage.resident)

    def _give_up_data(self, reason: str) -> None:
        """End the current data process, which nothing was forked from that lives, as if it had died."""
        process = self.lineage.current
        predecessor = self.lineage.predecessors.pop(process)
        self._out.append(do.KillDataProcess(process))
        self._lose_data(reason)
        self._retire_orphan(predecessor)

    # ----------------------------------------------------------------------------------------- what is ordered and said

    def _take_back(self, process: int) -> None:
        """Ask for all that waits for an end in a data process."""
        if self.reliefs.ask(process):
            self._out.append(do.TakeBack(process))

    def _send(self, message: do.Reply) -> None:
        self._out.append(do.Send(message))
