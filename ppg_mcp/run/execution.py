"""A run at work: machines that execute jobs, and the rounds in which they are served. See `loop` for the rules.

Imported when the first job must run: a run with nothing to do needs neither messages nor zmq. What only this process
needs is imported after the supervisor was forked, since each job process is its grandchild.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppg_protocol.errors import CommunicationFailure
from ppg_protocol.messages import Retract, Shutdown

from . import last_run
from .context import RunContext
from .performing import Performer
from .turn import Turn

if TYPE_CHECKING:
    from .interrupt import Interrupts
    from .machines import Machines
    from .onlookers import Onlookers

LOG_INTERVAL_S = 1.0
"""Who follows the log sees a line after this time, at the latest."""
RETRACT_PATIENCE_S = 2.0


class Execution:
    """`start`, then `round` after round, then `stop`, which also ends half a start."""

    def __init__(self, run: RunContext, performer: Performer, interrupts: Interrupts) -> None:
        self._run = run
        self._interrupts = interrupts
        self._turn = Turn(run, performer)
        self._log_by = 0.0
        self._logged_waiting = ""
        self._onlookers: Onlookers | None = None

    def start(self, began_at: float) -> None:
        """Note that a run goes on, and get the machines: they commit."""
        run = self._run
        run.store.set_meta(last_run.KEY, last_run.begun(began_at))
        with self._interrupts.held():
            run.machines = self._made_machines()
        run.machines.watch(self._interrupts.fd, self._interrupts.drain)
        run.situation.cores = run.machines.cores
        self._onlookers = self._onlookers_of(run.machines)

    def _made_machines(self) -> Machines:
        """This machine, or a cluster; the other's modules are not imported."""
        run, options = self._run, self._run.graph.options
        if options.cluster is not None:
            from ..cluster.machines import ClusterMachines

            return ClusterMachines(run.graph, run.store, run.log)
        from .machine import EmbeddedMachine

        tasks = run.order
        return EmbeddedMachine(run.graph.directory, run.store, options.max_cores, lambda job: tasks[job].task())

    def _onlookers_of(self, machines: Machines) -> Onlookers:
        from ..ask.live import LiveAnswers
        from .onlookers import Onlookers

        run, options = self._run, self._run.graph.options
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

    def round(self) -> None:
        """Wait, take in, dispatch, commit, send."""
        run, machines = self._run, self._run.machines
        assert machines is not None
        reports = machines.poll(self._wait_s())
        now = time.monotonic()
        self._turn.play(machines, reports, now)
        self._sync_now_and_then(now)
        self._flush_log_now_and_then(now)
        self._look_what_it_waits_for(machines)
        run.progress.update(now, run.situation.look)

    def _look_what_it_waits_for(self, machines: Machines) -> None:
        """For the progress; and for the log, whenever it is something else and nothing was sent to any machine."""
        run, reason = self._run, machines.waits_for
        run.situation.waits_for = reason
        if reason and reason != self._logged_waiting and run.dispatcher.demand and not run.dispatcher.outstanding:
            self._logged_waiting = reason
            run.log.info(reason if reason.startswith("waits") else f"waits: {reason}")

    def _wait_s(self) -> float:
        """How long to wait for messages."""
        run, now = self._run, time.monotonic()
        wake = min(run.progress.next_s, run.sync.next_s, self._turn.deadline)
        if self._onlookers is not None:
            self._onlookers.tick(now)
            wake = min(wake, self._onlookers.next_s)
        if run.log.unwritten:
            wake = min(wake, self._log_by)
        return max(0.0, wake - now)

    def flush(self) -> None:
        """Commit, then do what the commit justifies."""
        self._turn.flush(time.monotonic())

    def _sync_now_and_then(self, now: float) -> None:
        run = self._run
        reached = run.sync.finished()
        if reached:
            run.store.mark_synced(reached)
        if now >= run.sync.next_s:
            run.sync.start(run.store.sequence, now)

    def _flush_log_now_and_then(self, now: float) -> None:
        if self._run.log.unwritten and now >= self._log_by:
            self._run.log.flush()
            self._log_by = now + LOG_INTERVAL_S

    # ------------------------------------------------------------------------------------------------------------ end

    def stop(self) -> None:
        """What has ended meanwhile counts, what was never started is as before, what runs is killed.

        Raises StatusStoreError where that can't be committed, when everything has ended nevertheless.
        """
        run, machines = self._run, self._run.machines
        if machines is None:
            return
        try:
            if self._onlookers is not None:
                self._onlookers.close()
            self._take_back(machines)
            self.flush()
        except CommunicationFailure as failure:
            run.log.warning(str(failure))
        finally:
            with self._interrupts.held():
                run.machines = None
                self._end(machines)

    def _end(self, machines: Machines) -> None:
        reason = self._interrupts.received.name if self._interrupts.received else "the run is over"
        busy = set(self._run.dispatcher.machine_of.values())
        try:
            for machine in self._run.hosts:
                machines.send(machine, [Shutdown(reason)])
        finally:
            machines.close(busy, lambda: self._interrupts.insisted)

    def _take_back(self, machines: Machines) -> None:
        """Retract everything, and wait until of each attempt is known whether it was started."""
        dispatcher = self._run.dispatcher
        outstanding = tuple(dispatcher.job_of)
        if not outstanding:
            return
        self.flush()
        for machine in dispatcher.machines.values():
            if machine.attempts:
                machines.send(machine.name, [Retract(tuple(machine.attempts))])
        give_up = time.monotonic() + RETRACT_PATIENCE_S
        while self._not_started(outstanding) and time.monotonic() < give_up:
            self._turn.take_in(machines.poll(give_up - time.monotonic()))

    def _not_started(self, attempts: Sequence[int]) -> bool:
        """Is one of these still out, and not known to have been started?"""
        return any(a in self._run.dispatcher.job_of and a not in self._run.situation.running for a in attempts)
