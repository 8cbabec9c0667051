"""The run loop: the one place where decisions meet the world.

One round: wait for messages, hand each to its handler, ask the dispatcher what to send, commit, send. The handlers
only change the cores and fill two buffers, the store's and the outbox; so whatever came together is committed
together, and status writes are durable before the messages that they justify leave: a tombstone before its Run, a
record before its Ack and before the Run of a dependant.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ppg_protocol.codec import Message
from ppg_protocol.errors import CommunicationFailure, JobContractError, JobDiedException, PyPipeGraphError
from ppg_protocol.messages import (
    Ack,
    AwaitedFile,
    Cancel,
    DataLost,
    Finished,
    Heartbeat,
    Loaded,
    LoadFailed,
    Outcome,
    Ready,
    Retract,
    Retracted,
    Run,
    Shutdown,
    Started,
    Unload,
    Usage,
)

from .. import dispatcher as d
from .. import planner as p
from ..change import Change
from ..cluster.events import Lose
from ..dispatcher import Dispatch, Dispatcher, MachineShare, Offer
from ..job import Job
from ..planner.core import CACHED, FINAL, GENERATING, INJECTING, LOADING, OUTPUT, SETTLES, TEMPORARY
from ..priority import Priorities
from . import last_run
from .explain import Explainer
from .files import remove_files
from .leaving_out import why_left_out
from .made import Generations
from .merge import Merge
from .origins import Origins
from .orphans import report_orphans
from .recorder import Recorder
from .situation import Running, Situation
from .summary import summary
from .survey import Survey
from .sync import OutputSync

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from ..store import StatusStore
    from .interrupt import Interrupts
    from .log import RunLog
    from .machines import Machines, Report
    from .onlookers import Onlookers
    from .progress import Progress
    from .results import Results

COMMIT_INTERVAL_S = 0.05
"""Records wait at most so long for others to share their commit."""
GENERATES = frozenset((GENERATING, INJECTING))
RECORDED = frozenset((OUTPUT, TEMPORARY, CACHED))
NO_USAGE = Usage(0.0, 0.0, 0)
LOAD_LOSSES_MAX = 3
RETRACT_PATIENCE_S = 2.0


class RunLoop:
    """`survey`, then `execute`, then `close`."""

    def __init__(
        self,
        graph: Pipegraph,
        store: StatusStore,
        log: RunLog,
        progress: Progress,
        results: Results,
        interrupts: Interrupts,
        started_s: float,
    ) -> None:
        self.order = graph.order
        self.planner = p.Planner()
        self.explainer = Explainer(self.planner, store, self.order)
        self._graph = graph
        self._store = store
        self._log = log
        self._progress = progress
        self._results = results
        self._interrupts = interrupts
        self._dispatcher = Dispatcher(patient=graph.options.cluster is not None)
        self._priorities = Priorities(self.planner)
        self.situation = Situation(self.planner, self.order, self._priorities, started_s)
        self._survey: Survey | None = None
        self._recorder: Recorder | None = None
        self._machines: Machines | None = None
        self._hosts: dict[str, str] = {}
        """Names for users, by machine."""
        self._onlookers: Onlookers | None = None
        self._began_at = time.time() - (time.monotonic() - started_s)
        self._outbox: dict[str, list[Message]] = {}
        """By machine."""
        self._acks: dict[str, list[int]] = {}
        self._origins = Origins()
        self._sync = OutputSync()
        self._commit_by = 0.0
        self._cores_of: dict[int, int] = {}
        """What running attempts got."""
        self._generations = Generations()
        self._load_losses: dict[int, int] = {}
        self._told: set[int] = set()
        """Jobs that are not run, and loads that are, of which the log says so."""
        self.executed = 0

    # ------------------------------------------------------------------------------------------------------- deciding

    def survey(self) -> None:
        """Look at everything, plan, and begin."""
        self._perform(self.plan(performing=True))
        self._report_missing_inputs()
        self._log_not_run()

    def plan(self, performing: bool) -> Sequence[p.Instruction]:
        """Look at everything; what to do first. In a dry run nothing of it is performed."""
        import platform

        self._survey = Survey(self._graph, self._store, self._log, self.planner.holds, performing)
        self._survey.distrust_absent()
        self._recorder = Recorder(self.planner, self._store, self.order, self.explainer, platform.node())
        return self.planner.extend(self._survey.nodes(self.order))

    def missing_inputs(self) -> Mapping[int, Exception]:
        """Invariants whose value could not be taken."""
        return self._survey.failures if self._survey is not None else {}

    def _report_missing_inputs(self) -> None:
        """Invariants that can't be evaluated fail, and with them what depends on them."""
        assert self._survey is not None
        for index, error in self._survey.failures.items():
            self._results.failed_here(self.order[index], error)
            self.situation.failed += 1
        self._survey.failures.clear()

    def _log_not_run(self, at_end: bool = False) -> None:
        """At debug level: why jobs do not run. That nobody needs one is certain only at the end."""
        if not self._log.debugging:
            return
        planner = self.planner
        for job in range(len(self.order)):
            unneeded = at_end and planner.reason[job] == p.Reason.NOT_NEEDED
            if (unneeded or planner.verdict[job] == p.Verdict.CURRENT) and job not in self._told:
                self._told.add(job)
                self._log.debug(f"not run: {self.order[job]!r}, because {self.explainer.why(job)}")

    # ------------------------------------------------------------------------------------------------------ executing

    def execute(self) -> None:
        """Run until everything is over, or a signal came."""
        while not self.planner.is_over and self._interrupts.received is None:
            if self._machines is None:
                self._start_machines()
            self._round()
        self._flush()
        self._log_not_run(at_end=True)

    def close(self) -> None:
        """Stop what runs, commit what is finished."""
        try:
            if self._machines is not None:
                self._stop_machines(self._machines)
            self._sync.finish()
            self._store.mark_synced()
            self._store.set_meta(last_run.KEY, self._ended())
        finally:
            self._log.flush()

    def _ended(self) -> str:
        done, failed, pruned = self.situation.done, len(self._results.failures), len(self._results.pruned)
        return last_run.ended(self._began_at, done, failed, pruned, self._interrupts.received is not None)

    def _start_machines(self) -> None:
        self._store.set_meta(last_run.KEY, last_run.begun(self._began_at))
        self._store.commit()
        with self._interrupts.held():
            self._machines = self._made_machines()
        self._machines.watch(self._interrupts.fd, lambda: None)
        self.situation.cores = self._machines.cores
        self._onlookers = self._onlookers_of(self._machines)

    def _made_machines(self) -> Machines:
        """This machine, or a cluster. Either brings zmq, which a run with nothing to do can spare."""
        if self._graph.options.cluster is not None:
            from ..cluster.machines import ClusterMachines

            return ClusterMachines(self._graph, self._store, self._log)
        from .machine import EmbeddedMachine

        tasks = self.order
        return EmbeddedMachine(
            self._graph.directory, self._store, self._graph.options.max_cores, lambda job: tasks[job].task()
        )

    def _onlookers_of(self, machines: Machines) -> Onlookers:
        from ..ask.live import LiveAnswers
        from .onlookers import Onlookers

        answers = LiveAnswers(
            self._graph,
            self._store,
            self.planner,
            self.explainer,
            self._dispatcher,
            self.situation,
            self._results,
            machines.memory_bytes,
        )
        options = self._graph.options
        return Onlookers(machines, answers, self._progress, self._log, options.interactive and not options.quiet)

    def _stop_machines(self, machines: Machines) -> None:
        """What has ended meanwhile counts, what was never started is as before, what runs is killed."""
        try:
            if self._onlookers is not None:
                self._onlookers.close()
            self._take_back(machines)
            self._flush()
            reason = self._interrupts.received.name if self._interrupts.received else "the run is over"
            for machine in self._hosts:
                machines.send(machine, [Shutdown(reason)])
        except CommunicationFailure as failure:
            self._log.warning(str(failure))
        finally:
            with self._interrupts.held():
                self._machines = None
                busy = set(self._dispatcher.machine_of.values())
                machines.close(busy, lambda: self._interrupts.insisted)

    def _take_back(self, machines: Machines) -> None:
        """Retract everything, and wait until of each attempt is known whether it was started."""
        outstanding = tuple(self._dispatcher.job_of)
        if not outstanding:
            return
        self._flush()
        for machine in self._dispatcher.machines.values():
            if machine.attempts:
                machines.send(machine.name, [Retract(tuple(machine.attempts))])
        give_up = time.monotonic() + RETRACT_PATIENCE_S
        while self._not_started(outstanding) and time.monotonic() < give_up:
            for name, message in machines.poll(give_up - time.monotonic()):
                self._on_message(name, message)

    def _not_started(self, attempts: Sequence[int]) -> bool:
        """Is one of these still out, and not known to have been started?"""
        return any(a in self._dispatcher.job_of and a not in self.situation.running for a in attempts)

    def _round(self) -> None:
        machines = self._machines
        assert machines is not None
        now = time.monotonic()
        wake = min(self._progress.next_s, self._sync.next_s)
        if self._onlookers is not None:
            self._onlookers.tick(now)
            wake = min(wake, self._onlookers.next_s)
        if self._store.pending:
            wake = min(wake, self._commit_by)
        for machine, message in machines.poll(max(0.0, wake - now)):
            self._on_message(machine, message)
        for dispatch in self._dispatch(machines):
            self._say(dispatch.machine, self._to_run(dispatch))
        machines.demand(self._dispatcher.demand)
        now = time.monotonic()
        if self._outbox or (self._store.pending and now >= self._commit_by):
            self._flush()
        self._sync_now_and_then(now)
        self.situation.waits_for = machines.waits_for
        self._progress.update(now, self.situation.look)

    def _dispatch(self, machines: Machines) -> Sequence[Dispatch]:
        """Nothing new is sent while lost tasks are being made again, or something of an earlier run may still write."""
        return self._dispatcher.dispatch() if not self._generations.busy and machines.is_clear else ()

    def _say(self, machine: str, message: Message) -> None:
        """With the next flush."""
        self._outbox.setdefault(machine, []).append(message)

    def _flush(self) -> None:
        """Commit, then send what the commit justifies."""
        if self._store.pending:
            self._store.commit()
        self._commit_by = time.monotonic() + COMMIT_INTERVAL_S
        for machine, attempts in self._acks.items():
            self._say(machine, Ack(tuple(attempts)))
        self._acks.clear()
        if self._outbox and self._machines is not None:
            for machine, messages in self._outbox.items():
                self._machines.send(machine, messages)
            self._outbox.clear()

    def _sync_now_and_then(self, now: float) -> None:
        reached = self._sync.finished()
        if reached:
            self._store.mark_synced(reached)
        if now >= self._sync.next_s:
            self._sync.start(self._store.sequence, now)

    # ------------------------------------------------------------------------------------------- planner -> the world

    def _perform(self, instructions: Sequence[p.Instruction]) -> None:
        for instruction in instructions:
            job = instruction.job
            match instruction:
                case p.Start():
                    self._offer(job)
                case p.Remove():
                    self._log.info(f"removing the temporary {self.order[job]!r}")
                    remove_files(self._graph, self.order[job], self._log)
                case p.Unload():
                    for machine in self._hosts:
                        self._say(machine, Unload(job))
                case p.Adopt():
                    self._adopt(job)
                case p.Refresh():
                    assert self._recorder is not None
                    self._recorder.refresh(job)
                case p.Withdraw():
                    self._dispatcher.handle(d.Withdrawn(job))
                case p.Prune():
                    self._prune(job, instruction.cause)

    def _offer(self, index: int) -> None:
        job = self.order[index]
        self._log.info(f"run: {job!r}, because {self.explainer.why(index)}")
        planner = self.planner
        loads = planner.loads_of(index) if any(planner.kind[i] == LOADING for i in planner.inputs[index]) else ()
        for load in loads:
            if load not in self._told:
                self._told.add(load)
                self._log.info(f"run: {self.order[load]!r}, because {self.explainer.why(load)}")
        offer = Offer(index, job.cores_needed, max(0, job.memory_needed), loads, self._priorities.of(index))
        self._dispatched(self._dispatcher.handle(offer))

    def _adopt(self, index: int) -> None:
        assert self._survey is not None
        assert self._recorder is not None
        job = self.order[index]
        if not self._graph.options.adopt:
            self._log.warning(f"{job!r} was there already and is taken over as it is; delete it to have it made.")
        self._recorder.adoption(index, self._survey.adopted_files[index])

    def _prune(self, index: int, cause: int) -> None:
        job, culprit = self.order[index], self.order[cause]
        settles = self.planner.kind[index] in (*SETTLES, FINAL) or index in self.planner.obliged
        if culprit in self._graph.left_out:
            self._graph.left_out[job] = self._graph.left_out[culprit]
            self._log.info(f"not run: {job!r}, because {why_left_out(self._graph, job)}")
        elif settles or self.planner.verdict[index] == p.Verdict.RUN:
            self._log.info(f"not run: {job!r}, because {culprit!r}, on which it depends, failed")
            self._results.prune(job, culprit)

    # ---------------------------------------------------------------------------------------- dispatcher -> the world

    def _to_run(self, dispatch: Dispatch) -> Run:
        job = dispatch.job
        if self.planner.kind[job] not in GENERATES and self.planner.kind[job] != FINAL:
            self._store.tombstone(self.planner.ids[job], dispatch.attempt)
        generates = self.planner.kind[job] in GENERATES
        awaited = self._origins.awaited(self.planner.inputs, (job, *dispatch.loads), dispatch.machine)
        return self._run(
            dispatch.attempt, job, dispatch.loads, dispatch.cores, dispatch.memory_bytes, generates, awaited
        )

    def _run(
        self,
        attempt: int,
        job: int,
        loads: tuple[int, ...],
        cores: int,
        memory_bytes: int,
        generates: bool,
        awaited: tuple[AwaitedFile, ...] = (),
    ) -> Run:
        declared = tuple(max(0, self.order[load].memory_needed) for load in loads)
        return Run(attempt, job, loads, cores, memory_bytes, awaited, generates, declared if any(declared) else ())

    def _dispatched(self, instructions: Sequence[d.Instruction]) -> None:
        """Verdicts of the dispatcher on jobs that will not be sent."""
        for instruction in instructions:
            match instruction:
                case d.Unmeetable(job, cores, memory_bytes):
                    self._fail_here(job, self._unmeetable(self.order[job], cores, memory_bytes))
                case d.Poisoned(job, machines):
                    self._fail_here(
                        job,
                        JobDiedException(
                            f"{self.order[job]!r} took its compute slave down {len(machines)} times while it was alone "
                            f"there, on {', '.join(self._hosts.get(m, m) for m in machines)}."
                        ),
                        was_run=True,
                    )

    def _unmeetable(self, job: Job, cores: int, memory_bytes: int) -> PyPipeGraphError:
        machines = ", ".join(
            f"{self._hosts.get(m.name, m.name)} has {m.total_cores} cores and {m.total_memory_bytes} bytes"
            for m in self._dispatcher.machines.values()
        )
        return JobContractError(
            f"{job!r} needs {cores} cores and {memory_bytes} bytes of memory, which no machine can give: {machines}. "
            "Lower cores_needed or memory_needed (cores_needed = -1 takes what can be had)."
        )

    def _fail_here(self, index: int, exception: BaseException, was_run: bool = False) -> None:
        self._results.failed_here(self.order[index], exception, was_run)
        self._remember_failure(index, NO_USAGE, 0)
        self.situation.failed += 1
        self._perform(self.planner.handle(p.Failed(index)))

    # -------------------------------------------------------------------------------------------- supervisor -> cores

    def _on_message(self, machine: str, message: Report) -> None:
        match message:
            case Finished():
                self._on_finished(machine, message)
            case Started(attempt, cores, pid):
                self._on_started(attempt, cores, pid)
            case Retracted(attempts):
                for attempt in attempts:
                    self._on_retracted(attempt)
            case Loaded():
                self._on_loaded(machine, message)
            case LoadFailed():
                self._on_load_failed(message)
            case DataLost():
                self._on_data_lost(machine, message)
            case Ready():
                self._on_ready(message)
            case MachineShare():
                self._on_share(message)
            case Lose():
                self._on_lost(message)
            case Heartbeat():
                self.situation.loading[machine] = message.loading
            case _:
                raise CommunicationFailure(
                    f"The supervisor sent a {type(message).__name__}, which masters do not take."
                )

    def _on_ready(self, message: Ready) -> None:
        self._hosts[message.machine_id] = message.host
        self._log.info(f"{message.host}: {message.cores} cores, {message.memory_bytes >> 20} MiB of memory")

    def _on_share(self, share: MachineShare) -> None:
        """Jobs that did not start on a machine of which we have less now may start elsewhere."""
        self._dispatched(self._dispatcher.handle(share))
        surplus = self._dispatcher.surplus(share.machine, self.situation.running)
        if surplus:
            self._say(share.machine, Retract(tuple(surplus)))
        self.situation.cores = max(1, sum(machine.cores for machine in self._dispatcher.machines.values()))

    def _on_lost(self, lost: Lose) -> None:
        """Nothing that was sent there runs there any more, and its data is gone."""
        host = self._hosts.pop(lost.machine, lost.host)
        self._outbox.pop(lost.machine, None)
        self._acks.pop(lost.machine, None)
        self.situation.loading.pop(lost.machine, None)
        machine = self._dispatcher.machines.get(lost.machine)
        attempts = list(machine.attempts) if machine is not None else []
        again = f"; {len(attempts)} jobs that were sent there are tried again" if attempts else ""
        self._log.warning(f"lost {host}: {lost.reason}{again}.")
        self._progress.note(f"pypipegraph: lost {host}: {lost.reason}{again}")
        for attempt in attempts:
            self.situation.running.pop(attempt, None)
            self._cores_of.pop(attempt, None)
            self._origins.contest(self._dispatcher.job_of[attempt], host)
            self._dispatched(self._dispatcher.handle(d.Vanished(attempt)))
        self._dispatcher.handle(d.MachineLost(lost.machine))

    def _on_started(self, attempt: int, cores: int, pid: int) -> None:
        job = self._dispatcher.job_of.get(attempt)
        if job is not None:
            self._cores_of[attempt] = cores
            self.situation.running[attempt] = Running(job, self.order[job].job_id, time.monotonic(), cores, pid)
            if self._log.debugging:
                self._log.debug(f"started: {self.order[job]!r} on {cores} cores, pid {pid}, attempt {attempt}")

    def _on_retracted(self, attempt: int) -> None:
        job = self._dispatcher.job_of.get(attempt)
        if job is not None:
            self.situation.running.pop(attempt, None)
            if self.planner.kind[job] not in GENERATES and self.planner.kind[job] != FINAL:
                self._store.restore(self.planner.ids[job])
            self._dispatcher.handle(d.Retracted(attempt))

    def _on_finished(self, machine: str, message: Finished) -> None:
        attempt = message.attempt
        self._acks.setdefault(machine, []).append(attempt)
        self.situation.running.pop(attempt, None)
        if self._generations.is_again(attempt):
            self._finish_again(machine, message)
            return
        job = self._dispatcher.job_of.get(attempt)
        if job is None or self._dispatcher.machine_of[attempt] != machine:
            return
        if message.outcome == Outcome.OK and self._is_overwritten(job, message):
            self._dispatched(self._dispatcher.handle(d.Vanished(attempt)))
        elif message.outcome == Outcome.OK:
            self._succeed(machine, job, message)
        elif message.outcome == Outcome.LOST:
            self._log.warning(f"{self.order[job]!r} went down with its compute slave and is tried again.")
            self._dispatched(self._dispatcher.handle(d.Lost(attempt)))
        else:
            self._dispatcher.handle(d.Ended(attempt, message.usage.runtime_s))
            self._fail(job, message, self._cores_of.pop(attempt, 0))

    def _is_overwritten(self, index: int, message: Finished) -> bool:
        """Has a machine that was given up for lost written what this attempt made? Then it is made once more."""
        paths = [self._graph.absolute(path) for path in self.order[index].paths]
        who = self._origins.overwritten(index, paths, message.files)
        if who:
            self._log.warning(f"{self.order[index]!r} was overwritten by {who}, which was lost, and is run again.")
        return bool(who)

    def _succeed(self, machine: str, index: int, message: Finished) -> None:
        assert self._recorder is not None
        job = self.order[index]
        attempt = message.attempt
        cores = self._cores_of.pop(attempt, 0)
        kind = self.planner.kind[index]
        build_id = content = b""
        if kind in GENERATES and not self._merge(machine, index, message):
            return
        if kind in RECORDED:
            build_id, content = self._recorder.success(index, message.files, message.usage, cores)
            paths = [self._graph.absolute(path) for path in job.paths]
            for path in paths:
                self._sync.wrote(path)
            if self._graph.options.cluster is not None:
                self._origins.made(index, machine, self._hosts[machine], paths, message.files)
        else:
            self._recorder.ended(index, message.usage, cores)
        self._dispatcher.handle(d.Ended(attempt, message.usage.runtime_s))
        self._results.ran(job, message.stdout, message.stderr, message.usage)
        self.situation.done += 1
        self.executed += 1
        self.situation.took(message.usage.runtime_s, cores)
        if self._log.debugging:
            self._log.debug(f"done: {job!r} in {message.usage.runtime_s:.3f} s")
        self._perform(self.planner.handle(p.Succeeded(index, build_id, content)))

    def _fail(self, index: int, message: Finished | LoadFailed, cores: int) -> None:
        job = self.order[index]
        self._results.failed(job, message.outcome, message.failure, message.stdout, message.stderr, message.usage)
        self._remember_failure(index, message.usage, cores)
        self.situation.failed += 1
        self._progress.note(
            f"pypipegraph: failed: {job!r}: {job.error_reason.splitlines()[0] if job.error_reason else ''}"
        )
        self._perform(self.planner.handle(p.Failed(index)))

    def _remember_failure(self, index: int, usage: Usage, cores: int) -> None:
        assert self._recorder is not None
        error = self.order[index].error_reason.strip()
        self._recorder.ended(index, usage, cores, error.splitlines()[0] if error else "it failed without a word")

    # ---------------------------------------------------------------------------------------------------------- loads

    def _on_loaded(self, machine: str, message: Loaded) -> None:
        job = self.order[message.job]
        self._results.ran(job, message.stdout, message.stderr, message.usage)
        assert self._recorder is not None
        self._recorder.ended(message.job, message.usage, 1)
        self._log.info(f"loaded: {job!r} in {message.usage.runtime_s:.3f} s")
        self._dispatcher.handle(d.Resident(machine, message.job))
        self._load_losses.pop(message.job, None)

    def _on_load_failed(self, message: LoadFailed) -> None:
        if message.outcome == Outcome.LOST:
            losses = self._load_losses[message.job] = self._load_losses.get(message.job, 0) + 1
            if losses < LOAD_LOSSES_MAX:
                self._log.warning(f"{self.order[message.job]!r} went down with its compute slave and is tried again.")
                return
        if self.planner.state[message.job] in (p.State.FAILED, p.State.PRUNED):
            return
        self._fail(message.job, message, 1)

    # ----------------------------------------------------------------------------------------------------- generating

    def _merge(self, machine: str, index: int, message: Finished) -> bool:
        """Add what a generator made to the graph, or fail it."""
        assert self._survey is not None
        change = Change.decode(message.generated)
        merge = Merge(self._graph, self.planner, self.order[index], change)
        try:
            merge.check()
        except JobContractError as error:
            self._say(machine, Cancel(message.attempt))
            self._dispatcher.handle(d.Ended(message.attempt, message.usage.runtime_s))
            self._fail_here(index, error, was_run=True)
            return False
        merge.commit()
        for job in merge.left_out:
            self._log.info(f"not run: {job!r}, because {why_left_out(self._graph, job)}")
        indices = tuple(job.index for job in merge.task_jobs)
        self._generations.add(message.attempt, self.order[index], indices, change)
        assert self._machines is not None
        self._machines.define(machine, message.attempt, indices, message.chunk)
        edges = [(dependant.index, prerequisite.index) for dependant, prerequisite in merge.edges]
        self._perform(self.planner.extend(self._survey.nodes(merge.admitted), edges))
        self._report_missing_inputs()
        report_orphans(self._graph, self._store, self._log, self.order[index], merge.made)
        self._log.info(f"{self.order[index]!r} made {len(merge.made)} jobs and {len(edges)} edges")
        self._log_not_run()
        return True

    def _on_data_lost(self, machine: str, message: DataLost) -> None:
        self._log.warning(f"A compute slave lost its data and loads it again: {message.reason}")
        self._dispatcher.handle(d.Gone(machine, message.jobs))
        for attempt in message.generators:
            self._make_again(machine, attempt)

    def _make_again(self, machine: str, lost: int) -> None:
        """The closures that a generator made are gone: it is run once more."""
        generator = self._generations.lost(lost)
        if generator is None:
            return
        attempt = self._dispatcher.new_attempt()
        self._generations.begin_again(lost, attempt)
        self._log.info(f"run: {generator!r}, because the jobs that it made were lost with a compute slave")
        loads = self.planner.loads_of(generator.index)
        self._say(machine, self._run(attempt, generator.index, loads, 1, 0, generates=True))

    def _finish_again(self, machine: str, message: Finished) -> None:
        done = self._generations.finish_again(message)
        if isinstance(done, int):
            self._make_again(machine, done)
        else:
            assert self._machines is not None
            self._machines.define(machine, message.attempt, done, b"")

    def summary(self, duration_s: float) -> str:
        """One line for the user: how much was done."""
        left_out = len(self._graph.left_out)
        return summary(self.order, self.planner, self._results, self.executed, left_out, duration_s)
