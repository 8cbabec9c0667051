"""The supervisor's decisions: a pure machine from events to instructions, without I/O, descriptors or clocks.

Here is what the MCP says and what starts; `endings` has what ends.

An attempt's way:

    Run ─> waiting ──(data resident, cores and memory fit)──> at work ──(process gone)──> over ──Ack──> forgotten
              └─Retract, Cancel, LoadFailed, DataLost─> Retracted        └─(unclean)─> swept ─┘

Rules
- Attempts start in the order of their Run. The first whose data is resident and that does not fit blocks all behind
  it: this is what drains the machine for wide jobs. One that waits for a load, or a generator that waits for the
  successor's place, blocks nobody.
- While many jobs of one core are next, and all cores are busy, some are ordered ahead, to start when others end (see
  `reliefs`). They are asked for again when a core is free, data is unloaded, a successor takes over, less may be taken
  or a fork was refused, and for whoever retracts or cancels one.
- A load waits for the files that the first of its askers awaits.
- When nothing runs and data that the next does not need is in its way, all data is given up (see `crowding`); not where
  generated tasks would go with it, which only their generators could make again.
- There is one successor at a time (see `lineage`): a load, which counts as one core, or a generator, which counts as
  what it was granted and keeps the successor's place, but no core, until Define or Cancel.
- Every Run gets exactly one Finished or Retracted. A Finished is kept, and sent again when its Run comes again, until
  it is acknowledged.
- Finished is sent when nothing of the attempt lives. A process that left with a complete and clean result has seen to
  that itself; after any other its remains are swept first, and outputs of a callback that had been reached removed.
- What the system has no process for goes back to where it waited (see `shortage`); given up, it is LOST.
- A lost data process takes along what it had forked: jobs are LOST, a load in flight fails as LOST, and whether it is
  worth another try is the MCP's to judge. Data is lost only with the *current* one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ppg_cs import instructions as do
from ppg_cs.crowding import is_crowded_out
from ppg_cs.endings import Endings
from ppg_cs.events import DataProcessDied, Event, Exited, Forked, Prepared, Refused, Swept, TakenBack, Tick, TookOver
from ppg_cs.instructions import Instruction
from ppg_cs.outbox import PLENTY_PER_CORE
from ppg_cs.verdict import died, without_its_report
from ppg_cs.work import Work
from ppg_protocol.errors import RemoteProtocolError
from ppg_protocol.messages import (
    Ack,
    Cancel,
    Define,
    Finished,
    Heartbeat,
    Retract,
    Run,
    Shutdown,
    Unload,
)
from ppg_protocol.records import AwaitedFile, Outcome

LOAD_CORES = 1
SHUTDOWN_S = 10.0
"""How long an orderly end may take before everything is killed without ceremony."""


class SupervisorCore(Endings):
    """State of one session on one machine. The shell performs the instructions in order."""

    def __init__(self, cores: int, memory_bytes: int, slots: int) -> None:
        super().__init__(cores, memory_bytes, slots)
        self.declared_bytes: dict[int, int] = {}
        """Memory that loads were declared to take; the others are measured."""
        self._load_keys = 0
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            Run: self._on_run,
            Retract: self._on_retract,
            Cancel: self._on_cancel,
            Ack: self._on_ack,
            Define: self._on_define,
            Unload: self._on_unload,
            Shutdown: self._on_shutdown,
            Forked: self._on_forked,
            Refused: self._on_refused,
            Exited: self._on_exited,
            TakenBack: self._on_taken_back,
            Prepared: self._on_prepared,
            TookOver: self._on_took_over,
            DataProcessDied: self._on_data_process_died,
            Swept: self._on_swept,
            Tick: self._on_tick,
        }

    def start(self) -> list[Instruction]:
        """What to do before the first event."""
        return [do.ForkPristine(self.lineage.pristine)]

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """What to do about an event. Raises RemoteProtocolError for a message that makes no sense here."""
        self._out = []
        self._handlers[type(event)](event, now)
        self._start_what_fits(now)
        if self.closing_until is not None and not self.work:
            self._out.append(do.Leave(self.exit_code))
        return self._out

    def deadline(self) -> float | None:
        """When to send a Tick if nothing else happens."""
        if self.closing_until is not None or not self.waiting.queued:
            return self.closing_until
        return self.shortage.until

    def has_plenty(self, per_core: int) -> bool:
        """Are all cores busy, and more attempts than this ready to start for each of them?"""
        if not self.admission.is_full:
            return False
        ready = self.waiting.ready + len(self.reliefs.waiting(self.lineage.current))
        return 0 < per_core * self.admission.usable_cores < ready

    def heartbeat(self) -> Heartbeat:
        """Live attempts, loads in flight, and memory taken by data and declared by attempts."""
        live = (*self.waiting.queued, *(key for key in self.work if key > 0))
        loading = tuple(work.job for work in self.work.values() if work.is_load)
        data_bytes = self.lineage.loaded_bytes
        return Heartbeat(live, loading, self.admission.memory_taken + data_bytes, data_bytes)

    def replace_finished(self, attempt: int, reason: str) -> Finished:
        """A smaller result in place of one that can't be sent."""
        message = self.finished[attempt] = without_its_report(self.finished[attempt], reason)
        return message

    # -------------------------------------------------------------------------------------------- messages of the MCP

    def _on_run(self, run: Run, now: float) -> None:
        attempt = run.attempt
        if attempt in self.finished:
            self._send(self.finished[attempt])
        elif attempt in self.work or attempt in self.waiting.queued or self.closing_until is not None:
            return
        elif not self.admission.possible(run.cores):
            text = f"job {run.job} needs {run.cores} cores; this machine has {self.admission.cores}"
            self._finish(attempt, Outcome.EXCEPTION, died(f"{text}. Lower its cores_needed, or give it -1."))
        else:
            self.declared_bytes.update(zip(run.loads, run.loads_memory_bytes, strict=False))
            self.waiting.add(run, self.lineage.resident)

    def _on_retract(self, message: Retract, now: float) -> None:
        attempts = dict.fromkeys(message.attempts)
        self._retract(tuple(attempt for attempt in attempts if attempt in self.waiting.queued))
        self._retract_reliefs(attempts)

    def _on_cancel(self, message: Cancel, now: float) -> None:
        attempt = message.attempt
        if attempt in self.waiting.queued:
            self._retract((attempt,))
        elif attempt in self.work:
            self._kill(self.work[attempt])
            self._take_back(self.reliefs.process_of(attempt))
        elif self.offered and self.successor is not None and self.successor.key == attempt:
            self._discard_offer(self.successor)

    def _on_ack(self, message: Ack, now: float) -> None:
        for attempt in message.attempts:
            self.finished.pop(attempt, None)

    def _on_define(self, message: Define, now: float) -> None:
        offer = self.successor
        if message.attempt <= 0:
            raise RemoteProtocolError("Define without an attempt: this supervisor's tasks came with its fork")
        if offer is None or not self.offered or offer.key != message.attempt:
            return
        self._out.append(do.DefineTasks(offer.successor, message.jobs, message.part))
        self.lineage.generated[message.attempt] = message.jobs
        self._take_over(offer)

    def _on_unload(self, message: Unload, now: float) -> None:
        resident, leaving = self.lineage.resident, self.lineage.leaving
        if message.job in resident:
            leaving[message.job] = resident.pop(message.job)
            self.waiting.requeue(resident)
        elif self._load_in_flight() == message.job:
            leaving.setdefault(message.job, 0)

    def _on_shutdown(self, message: Shutdown, now: float) -> None:
        if self.closing_until is None:
            self._close(now)

    def _close(self, now: float) -> None:
        self.closing_until = now + SHUTDOWN_S
        self.waiting.clear()
        if self.offered and self.successor is not None:
            self._discard_offer(self.successor)
        self._take_back(self.lineage.current)  # first, lest it starts for one that was killed
        for work in self.work.values():
            self._kill(work)

    def _on_tick(self, event: Tick, now: float) -> None:
        if self.closing_until is not None and now >= self.closing_until:
            self._out.append(do.Leave(1))
        if self.shortage.until is not None and now >= self.shortage.until:
            self.shortage.over()

    # ---------------------------------------------------------------------------------------------------- what starts

    def _start_what_fits(self, now: float) -> None:
        if self.closing_until is not None or (self.shortage.until is not None and now < self.shortage.until):
            return
        self._flush_unloads()
        while not self.admission.is_full:
            candidate = self.waiting.first(self.successor is None)
            if candidate is None:
                break
            if self._is_crowded_out(*candidate):
                if self.offered or self.lineage.fading:
                    break
                self._give_up_data("the memory is needed by a job that needs other data")
                continue
            is_load, number = candidate
            if not (self._start_load(number) if is_load else self._start_attempt(number)):
                break
        while not self.admission.is_above_limit and self.has_plenty(PLENTY_PER_CORE) and self._order_relief():
            pass
        if not self.admission.is_full:
            self._take_back(self.lineage.current)

    def _is_crowded_out(self, is_load: bool, number: int) -> bool:
        if self.admission.holders or self.lineage.generated:
            return False
        run = self.waiting.run_of(is_load, number)
        cores = LOAD_CORES if is_load else run.cores
        return is_crowded_out(run, cores, self.admission, self.lineage, self.declared_bytes)

    def _start_load(self, job: int) -> bool:
        memory_bytes = self.declared_bytes.get(job, 0)
        cores = self.admission.grant(LOAD_CORES, memory_bytes, self.lineage.loaded_bytes)
        if cores:
            self.waiting.start_load(job)
            self._load_keys -= 1
            files = self.waiting.run_of(True, job).await_files
            self._start_successor(self._load_keys, job, cores, memory_bytes, files)
        return cores > 0

    def _start_attempt(self, attempt: int) -> bool:
        run = self.waiting.queued[attempt].run
        cores = self.admission.grant(run.cores, run.memory_bytes, self.lineage.loaded_bytes)
        if not cores:
            return False
        queued = self.waiting.remove(attempt)
        if run.generates:
            self._start_successor(attempt, run.job, cores, run.memory_bytes, run.await_files)
        else:
            process = self.lineage.current
            slot = self.admission.take(cores, run.memory_bytes)
            self.work[attempt] = Work(attempt, run.job, process, 0, slot, cores, run.memory_bytes)
            self._out.append(do.StartJob(process, attempt, run.job, cores, slot, run.await_files))
            self.reliefs.started(process)
        self.work[attempt].queued = queued
        return True

    def _order_relief(self) -> bool:
        """Have the next attempt start when a job of the current data process ends, if it is one of those that can."""
        process = self.lineage.current
        end = self.reliefs.next_end(process)
        candidate = self.waiting.first(self.successor is None)
        if not end or candidate is None or candidate[0]:
            return False
        run = self.waiting.run_of(*candidate)
        if run.cores != 1 or run.generates or not self.admission.has_place(run.memory_bytes, self.lineage.loaded_bytes):
            return False
        slot = self.admission.take(0, run.memory_bytes)
        work = Work(run.attempt, run.job, process, 0, slot, 0, run.memory_bytes, self.waiting.remove(run.attempt))
        self.work[run.attempt] = work
        self.reliefs.order(process, end, run.attempt)
        self._out.append(do.StartJob(process, run.attempt, run.job, 1, slot, run.await_files, end))
        return True

    def _retract_reliefs(self, attempts: Iterable[int]) -> None:
        for attempt in attempts:
            process = self.reliefs.process_of(attempt)
            if process:
                self.work[attempt].retracted = True
                self._take_back(process)

    def _start_successor(self, key: int, job: int, cores: int, memory: int, files: tuple[AwaitedFile, ...]) -> None:
        process, successor = self.lineage.current, self.lineage.new_successor()
        slot = self.admission.take(cores, memory)
        work = Work(key, job, process, successor, slot, cores, memory)
        self.work[key] = self.successor = work
        self._out.append(do.StartSuccessor(process, successor, key, job, cores, slot, files))

    def _flush_unloads(self) -> None:
        if self.successor is None and self.lineage.leaving:
            self._take_back(self.lineage.current)
            for job in self.lineage.unload():
                self._out.append(do.UnloadData(self.lineage.current, job))
            self.waiting.requeue(self.lineage.resident)

    def _load_in_flight(self) -> int:
        return self.successor.job if self.successor is not None and self.successor.is_load else -1

    def sanity_check(self) -> None:
        """Cross-check the whole state; for tests."""
        adm, works = self.admission, list(self.work.values())
        assert adm.cores_taken == sum(w.cores - w.passed_on for w in works) <= adm.cores
        assert adm.memory_taken == sum(w.memory_bytes for w in works)
        assert adm.holders == len(works)
        assert len({w.slot for w in works}) == len(works)
        assert not set(self.work) & set(self.waiting.queued)
        assert not set(self.finished) & (set(self.work) | set(self.waiting.queued))
        assert self.lineage.current in self.lineage.predecessors or self.closing_until is not None
        if self.successor is not None:
            assert self.offered == (self.successor.key not in self.work)
        assert sum(1 for w in works if w.successor) <= 1
        waiting = self.waiting.queued.values()
        assert self.waiting.ready == sum(1 for item in waiting if not item.missing and not item.run.generates)
        for item in waiting:
            assert set(item.missing) == {job for job in item.run.loads if job not in self.lineage.resident}
