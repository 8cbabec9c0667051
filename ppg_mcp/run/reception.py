"""What supervisors say, taken in: results, losses, machines that come, change and go.

The handlers change the cores and fill the buffers of store and outbox. Nothing leaves this process here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ppg_protocol.errors import CommunicationFailure
from ppg_protocol.messages import DataLost, Finished, Heartbeat, Loaded, LoadFailed, Ready, Retract, Retracted, Started
from ppg_protocol.records import Outcome

from .. import dispatcher as d
from .. import planner as p
from ..cluster.loss import Lose
from ..dispatcher import LargestMachines, MachineShare
from ..planner.node import CACHED, FINAL, OUTPUT, TEMPORARY
from .context import GENERATES, RunContext
from .generating import Generating
from .performing import Performer
from .situation import Running

if TYPE_CHECKING:
    from .machines import Report

RECORDED = frozenset((OUTPUT, TEMPORARY, CACHED))
LOAD_LOSSES_MAX = 3


class Reception:
    """See the module."""

    def __init__(self, run: RunContext, performer: Performer, generating: Generating) -> None:
        self._run = run
        self._performer = performer
        self._generating = generating
        self._load_losses: dict[int, int] = {}

    def on_message(self, machine: str, message: Report) -> None:
        """Whatever a machine reports."""
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
                self._on_load_failed(machine, message)
            case DataLost():
                self._generating.on_data_lost(machine, message)
            case Ready():
                self._on_ready(message)
            case MachineShare():
                self._on_share(message)
            case LargestMachines():
                self._performer.dispatched(self._run.dispatcher.handle(message))
            case Lose():
                self._on_lost(message)
            case Heartbeat():
                self._on_heartbeat(machine, message)
            case _:
                raise CommunicationFailure(
                    f"The supervisor sent a {type(message).__name__}, which masters do not take."
                )

    def _on_ready(self, message: Ready) -> None:
        self._run.hosts[message.machine_id] = message.host
        self._run.log.info(f"{message.host}: {message.cores} cores, {message.memory_bytes >> 20} MiB of memory")

    def _on_share(self, share: MachineShare) -> None:
        """Jobs that did not start on a machine of which we have less now may start elsewhere."""
        run = self._run
        self._performer.dispatched(run.dispatcher.handle(share))
        self._take_back_surplus(share.machine)
        run.situation.cores = max(1, sum(machine.cores for machine in run.dispatcher.machines.values()))

    def _on_heartbeat(self, machine: str, heartbeat: Heartbeat) -> None:
        run = self._run
        run.situation.loading[machine] = heartbeat.loading
        known = run.dispatcher.machines.get(machine)
        if known is not None and known.data_bytes != heartbeat.data_bytes:
            run.dispatcher.handle(d.DataSize(machine, heartbeat.data_bytes))
            self._take_back_surplus(machine)

    def _take_back_surplus(self, machine: str) -> None:
        run = self._run
        surplus = run.dispatcher.surplus(machine, run.situation.running)
        if surplus:
            run.outbox.say(machine, Retract(tuple(surplus)))

    def _on_lost(self, lost: Lose) -> None:
        """Nothing that was sent there runs there any more, and its data is gone."""
        run = self._run
        host = run.hosts.pop(lost.machine, lost.host)
        run.outbox.forget(lost.machine)
        run.situation.loading.pop(lost.machine, None)
        machine = run.dispatcher.machines.get(lost.machine)
        attempts = list(machine.attempts) if machine is not None else []
        again = f"; {len(attempts)} jobs that were sent there are tried again" if attempts else ""
        run.log.warning(f"lost {host}: {lost.reason}{again}.")
        run.progress.note(f"pypipegraph: lost {host}: {lost.reason}{again}")
        for attempt in attempts:
            run.situation.running.pop(attempt, None)
            run.origins.contest(run.dispatcher.job_of[attempt], host)
            self._performer.dispatched(run.dispatcher.handle(d.Vanished(attempt)))
        run.dispatcher.handle(d.MachineLost(lost.machine))

    def _on_started(self, attempt: int, cores: int, pid: int) -> None:
        run = self._run
        job = run.dispatcher.job_of.get(attempt)
        if job is not None:
            run.situation.running[attempt] = Running(job, run.order[job].job_id, time.monotonic(), cores, pid)
            if run.log.debugging:
                run.log.debug(f"started: {run.order[job]!r} on {cores} cores, pid {pid}, attempt {attempt}")

    def _on_retracted(self, attempt: int) -> None:
        run = self._run
        job = run.dispatcher.job_of.get(attempt)
        if job is not None:
            run.situation.running.pop(attempt, None)
            if run.planner.kind[job] not in GENERATES and run.planner.kind[job] != FINAL:
                run.store.restore(run.planner.ids[job])
            run.dispatcher.handle(d.Retracted(attempt))

    def _on_finished(self, machine: str, message: Finished) -> None:
        run = self._run
        attempt = message.attempt
        run.outbox.acknowledge(machine, attempt)
        run.situation.running.pop(attempt, None)
        if self._generating.generations.is_again(attempt):
            self._generating.finish_again(machine, message)
            return
        job = run.dispatcher.job_of.get(attempt)
        if job is None or run.dispatcher.machine_of[attempt] != machine:
            return
        if message.outcome == Outcome.OK and self._is_overwritten(job, message):
            self._performer.dispatched(run.dispatcher.handle(d.Vanished(attempt)))
        elif message.outcome == Outcome.OK:
            self._succeed(machine, job, message)
        elif message.outcome == Outcome.CANCELLED:  # by a supervisor that had to leave: we cancel no job that we want
            self._performer.dispatched(run.dispatcher.handle(d.Vanished(attempt)))
        elif message.outcome == Outcome.LOST:
            self._lose(job, message)
        else:
            run.dispatcher.handle(d.Ended(attempt, message.usage.runtime_s))
            self._fail(machine, job, message, message.cores)

    def _lose(self, job: int, message: Finished) -> None:
        run = self._run
        reason = message.failure.text if message.failure is not None else ""
        self._performer.losses[job] = reason
        run.log.warning(f"{run.order[job]!r} went down with its compute slave and is tried again. {reason}")
        self._performer.dispatched(run.dispatcher.handle(d.Lost(message.attempt)))

    def _is_overwritten(self, index: int, message: Finished) -> bool:
        """Has a machine that was given up for lost written what this attempt made? Then it is made once more."""
        run = self._run
        if not run.origins.is_contested(index):
            return False
        paths = [run.graph.absolute(path) for path in run.order[index].paths]
        who = run.origins.overwritten(index, paths, message.files)
        if who:
            run.log.warning(f"{run.order[index]!r} was overwritten by {who}, which was lost, and is run again.")
        return bool(who)

    def _succeed(self, machine: str, index: int, message: Finished) -> None:
        run = self._run
        job = run.order[index]
        attempt, cores = message.attempt, message.cores
        kind = run.planner.kind[index]
        build_id = content = b""
        if kind in GENERATES and not self._generating.merge(machine, index, message):
            return
        if kind in RECORDED:
            build_id, content = run.recorder.success(index, message.files, message.usage, cores, run.hosts[machine])
            paths = [run.graph.absolute(path) for path in job.paths]
            for path in paths:
                run.sync.wrote(path)
            if run.graph.options.cluster is not None:
                run.origins.made(index, machine, run.hosts[machine], paths, message.files)
        else:
            run.recorder.ended(index, message.usage, cores, host=run.hosts[machine])
        run.dispatcher.handle(d.Ended(attempt, message.usage.runtime_s))
        run.results.ran(job, message.stdout, message.stderr, message.usage)
        run.situation.done += 1
        run.executed += 1
        run.situation.took(message.usage.runtime_s, cores)
        if run.log.debugging:
            run.log.debug(f"done: {job!r} in {message.usage.runtime_s:.3f} s on {cores} cores, attempt {attempt}")
        self._performer.perform(run.planner.handle(p.Succeeded(index, build_id, content)))

    def _fail(self, machine: str, index: int, message: Finished | LoadFailed, cores: int) -> None:
        run = self._run
        job = run.order[index]
        host = run.hosts.get(machine, "") if run.graph.options.cluster is not None else ""
        output = message.stdout, message.stderr
        run.results.failed(job, message.outcome, message.failure, *output, message.usage, host)
        self._performer.remember_failure(index, message.usage, cores, run.hosts.get(machine, ""))
        run.situation.failed += 1
        self._performer.perform(run.planner.handle(p.Failed(index)))

    def _on_loaded(self, machine: str, message: Loaded) -> None:
        run = self._run
        job = run.order[message.job]
        run.results.ran(job, message.stdout, message.stderr, message.usage)
        run.recorder.ended(message.job, message.usage, 1, host=run.hosts.get(machine, ""))
        run.log.info(f"loaded: {job!r} in {message.usage.runtime_s:.3f} s")
        measured_bytes = 0 if job.memory_needed > 0 else message.data_bytes
        run.dispatcher.handle(d.Resident(machine, message.job, measured_bytes))
        self._load_losses.pop(message.job, None)

    def _on_load_failed(self, machine: str, message: LoadFailed) -> None:
        run = self._run
        if message.outcome == Outcome.LOST:
            losses = self._load_losses[message.job] = self._load_losses.get(message.job, 0) + 1
            if losses < LOAD_LOSSES_MAX:
                run.log.warning(f"{run.order[message.job]!r} went down with its compute slave and is tried again.")
                return
        if run.planner.state[message.job] in (p.State.FAILED, p.State.PRUNED):
            return
        self._fail(machine, message.job, message, 1)
