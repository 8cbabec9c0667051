"""The run loop: the one place where decisions meet the world.

One round: wait for messages, hand each to its handler, ask the dispatcher what to send, commit, send. The handlers
(`reception`, `generating`, `performing`) only change the cores and fill two buffers, the store's and the outbox; so
whatever came together is committed together, and status writes are durable before the messages that they justify leave:
a tombstone before its Run, a record before its Ack and before the Run of a dependant.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppg_protocol.errors import CommunicationFailure
from ppg_protocol.messages import Retract, Run, Shutdown

from ..dispatcher import Dispatch
from ..planner.core import FINAL
from . import last_run
from .context import GENERATES, RunContext
from .generating import Generating
from .performing import Performer
from .reception import Reception
from .summary import summary

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from ..store import StatusStore
    from .interrupt import Interrupts
    from .log import RunLog
    from .machines import Machines
    from .onlookers import Onlookers
    from .progress import Progress
    from .results import Results

COMMIT_INTERVAL_S = 0.05
"""Records wait at most so long for others to share their commit."""
LOG_INTERVAL_S = 1.0
"""Who follows the log sees a line after this time, at the latest."""
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
        self.context = RunContext(graph, store, log, progress, results, started_s, performing=True)
        self._performer = Performer(self.context)
        self._generating = Generating(self.context, self._performer)
        self._reception = Reception(self.context, self._performer, self._generating)
        self._interrupts = interrupts
        self._onlookers: Onlookers | None = None
        self._began_at = time.time() - (time.monotonic() - started_s)
        self._commit_by = 0.0
        self._log_by = 0.0
        self._logged_waiting = ""

    def survey(self) -> None:
        """Look at everything, plan, and begin."""
        self._performer.perform(self.context.plan())
        self.context.report_missing_inputs()
        self.context.log_not_run()

    def execute(self) -> None:
        """Run until everything is over, or a signal came."""
        while not self.context.planner.is_over and self._interrupts.received is None:
            if self.context.machines is None:
                self._start_machines()
            self._round()
        self._flush()
        self.context.log_not_run(at_end=True)

    def close(self) -> None:
        """Stop what runs, commit what is finished."""
        run = self.context
        try:
            if run.machines is not None:
                self._stop_machines(run.machines)
            run.sync.finish()
            run.store.mark_synced()
            run.store.set_meta(last_run.KEY, self._ended())
        finally:
            run.log.flush()

    def _ended(self) -> str:
        run = self.context
        done, failed, pruned = run.situation.done, len(run.results.failures), len(run.results.pruned)
        return last_run.ended(self._began_at, done, failed, pruned, self._interrupts.received is not None)

    # ------------------------------------------------------------------------------------------------------- machines

    def _start_machines(self) -> None:
        run = self.context
        run.store.set_meta(last_run.KEY, last_run.begun(self._began_at))
        run.store.commit()
        with self._interrupts.held():
            run.machines = self._made_machines()
        run.machines.watch(self._interrupts.fd, lambda: None)
        run.situation.cores = run.machines.cores
        self._onlookers = self._onlookers_of(run.machines)

    def _made_machines(self) -> Machines:
        """This machine, or a cluster. Either brings zmq, which a run with nothing to do can spare."""
        run, options = self.context, self.context.graph.options
        if options.cluster is not None:
            from ..cluster.machines import ClusterMachines

            return ClusterMachines(run.graph, run.store, run.log)
        from .machine import EmbeddedMachine

        tasks = run.order
        return EmbeddedMachine(run.graph.directory, run.store, options.max_cores, lambda job: tasks[job].task())

    def _onlookers_of(self, machines: Machines) -> Onlookers:
        from ..ask.live import LiveAnswers
        from .onlookers import Onlookers

        run, options = self.context, self.context.graph.options
        answers = LiveAnswers(
            run.graph,
            run.store,
            run.planner,
            run.explainer,
            run.dispatcher,
            run.situation,
            run.results,
            machines.memory_bytes,
        )
        return Onlookers(machines, answers, run.progress, run.log, options.interactive and not options.quiet)

    def _stop_machines(self, machines: Machines) -> None:
        """What has ended meanwhile counts, what was never started is as before, what runs is killed."""
        run = self.context
        try:
            if self._onlookers is not None:
                self._onlookers.close()
            self._take_back(machines)
            self._flush()
            reason = self._interrupts.received.name if self._interrupts.received else "the run is over"
            for machine in run.hosts:
                machines.send(machine, [Shutdown(reason)])
        except CommunicationFailure as failure:
            run.log.warning(str(failure))
        finally:
            with self._interrupts.held():
                run.machines = None
                busy = set(run.dispatcher.machine_of.values())
                machines.close(busy, lambda: self._interrupts.insisted)

    def _take_back(self, machines: Machines) -> None:
        """Retract everything, and wait until of each attempt is known whether it was started."""
        dispatcher = self.context.dispatcher
        outstanding = tuple(dispatcher.job_of)
        if not outstanding:
            return
        self._flush()
        for machine in dispatcher.machines.values():
            if machine.attempts:
                machines.send(machine.name, [Retract(tuple(machine.attempts))])
        give_up = time.monotonic() + RETRACT_PATIENCE_S
        while self._not_started(outstanding) and time.monotonic() < give_up:
            for name, message in machines.poll(give_up - time.monotonic()):
                self._reception.on_message(name, message)

    def _not_started(self, attempts: Sequence[int]) -> bool:
        """Is one of these still out, and not known to have been started?"""
        return any(a in self.context.dispatcher.job_of and a not in self.context.situation.running for a in attempts)

    # --------------------------------------------------------------------------------------------------------- rounds

    def _round(self) -> None:
        run, machines = self.context, self.context.machines
        assert machines is not None
        for machine, message in machines.poll(self._wait_s()):
            self._reception.on_message(machine, message)
        for dispatch in self._dispatch(machines):
            run.outbox.say(dispatch.machine, self._to_run(dispatch))
        for name, attempt in run.dispatcher.to_steal(run.situation.running):
            run.outbox.say(name, Retract((attempt,)))
        machines.demand(run.dispatcher.demand, run.dispatcher.loads_bytes)
        now = time.monotonic()
        if run.outbox or (run.store.pending and now >= self._commit_by):
            self._flush()
        self._sync_now_and_then(now)
        self._flush_log_now_and_then(now)
        self._look_what_it_waits_for(machines)
        run.progress.update(now, run.situation.look)

    def _look_what_it_waits_for(self, machines: Machines) -> None:
        """For the progress; and for the log, whenever it is something else and nothing was sent to any machine."""
        run, reason = self.context, machines.waits_for
        run.situation.waits_for = reason
        if reason and reason != self._logged_waiting and run.dispatcher.demand and not run.dispatcher.outstanding:
            self._logged_waiting = reason
            run.log.info(reason if reason.startswith("waits") else f"waits: {reason}")

    def _wait_s(self) -> float:
        """How long to wait for messages."""
        run, now = self.context, time.monotonic()
        wake = min(run.progress.next_s, run.sync.next_s)
        if self._onlookers is not None:
            self._onlookers.tick(now)
            wake = min(wake, self._onlookers.next_s)
        if run.store.pending:
            wake = min(wake, self._commit_by)
        if run.log.unwritten:
            wake = min(wake, self._log_by)
        return max(0.0, wake - now)

    def _dispatch(self, machines: Machines) -> Sequence[Dispatch]:
        """Nothing new is sent while lost tasks are being made again, or something of an earlier run may still write."""
        if self._generating.generations.busy or not machines.is_clear:
            return ()
        return self.context.dispatcher.dispatch()

    def _to_run(self, dispatch: Dispatch) -> Run:
        run, job = self.context, dispatch.job
        generates = run.planner.kind[job] in GENERATES
        if not generates and run.planner.kind[job] != FINAL:
            run.store.tombstone(run.planner.ids[job], dispatch.attempt)
        awaited = run.origins.awaited(run.planner.inputs, (job, *dispatch.loads), dispatch.machine)
        return run.run_message(
            dispatch.attempt, job, dispatch.loads, dispatch.cores, dispatch.memory_bytes, generates, awaited
        )

    def _flush(self) -> None:
        """Commit, then send what the commit justifies."""
        run = self.context
        if run.store.pending:
            run.store.commit()
        self._commit_by = time.monotonic() + COMMIT_INTERVAL_S
        if run.machines is not None:
            for machine, messages in run.outbox.empty():
                run.machines.send(machine, messages)

    def _sync_now_and_then(self, now: float) -> None:
        run = self.context
        reached = run.sync.finished()
        if reached:
            run.store.mark_synced(reached)
        if now >= run.sync.next_s:
            run.sync.start(run.store.sequence, now)

    def _flush_log_now_and_then(self, now: float) -> None:
        if self.context.log.unwritten and now >= self._log_by:
            self.context.log.flush()
            self._log_by = now + LOG_INTERVAL_S

    def summary(self, duration_s: float) -> str:
        """One line for the user: how much was done."""
        run = self.context
        left_out = len(run.graph.left_out)
        return summary(run.order, run.planner, run.results, run.executed, left_out, duration_s)
