"""One turn of a run: hand every report to its handler, ask the dispatcher what to send, commit, send.

No clock and no waiting: the run loop brings time and reports, so a simulation can bring others. The handlers change the
cores and fill two buffers, the store's and the outbox; so whatever came together is committed together, and status
writes are durable before what they justify happens: a tombstone before its Run leaves, a record before its Ack and the
Run of a dependant leave, and before a temporary is removed that nobody needs any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ppg_protocol.messages import Retract, Run

from ..dispatcher import Dispatch
from ..planner.node import FINAL
from .context import GENERATES, RunContext
from .generating import Generating
from .performing import Performer
from .reception import Reception
from .sending import run_message

if TYPE_CHECKING:
    from .machines import Machines, Report

COMMIT_INTERVAL_S = 0.05
"""Records wait at most so long for others to share their commit."""


class Turn:
    """`commit_by`: when what is buffered is to be committed at the latest."""

    def __init__(self, run: RunContext, performer: Performer) -> None:
        self._run = run
        self._performer = performer
        self._generating = Generating(run, performer)
        self._reception = Reception(run, performer, self._generating)
        self.commit_by = 0.0

    def take_in(self, reports: Iterable[tuple[str, Report]]) -> None:
        """What supervisors said."""
        for machine, message in reports:
            self._reception.on_message(machine, message)

    def play(self, machines: Machines, reports: Iterable[tuple[str, Report]], now: float) -> None:
        """The whole of it."""
        run = self._run
        self.take_in(reports)
        for dispatch in self._dispatch(machines):
            run.outbox.say(dispatch.machine, self._to_run(dispatch))
        for name, attempt in run.dispatcher.to_steal(run.situation.running):
            run.outbox.say(name, Retract((attempt,)))
        machines.demand(run.dispatcher.demand)
        if run.outbox or (self.is_waiting and now >= self.commit_by):
            self.flush(now)

    @property
    def is_waiting(self) -> bool:
        """Is there something to be done at `commit_by`?"""
        return self._run.store.pending or bool(self._performer.removable)

    def flush(self, now: float) -> None:
        """Commit, then do what the commit justifies."""
        run = self._run
        if run.store.pending:
            run.store.commit()
        self._performer.remove()
        self.commit_by = now + COMMIT_INTERVAL_S
        if run.machines is not None:
            for machine, messages in run.outbox.empty():
                run.machines.send(machine, messages)

    def _dispatch(self, machines: Machines) -> Sequence[Dispatch]:
        """Nothing new is sent while lost tasks are being made again, or something of an earlier run may still write."""
        if self._generating.generations.busy or not machines.is_clear:
            return ()
        return self._run.dispatcher.dispatch()

    def _to_run(self, dispatch: Dispatch) -> Run:
        run, job = self._run, dispatch.job
        generates = run.planner.kind[job] in GENERATES
        if not generates and run.planner.kind[job] != FINAL:
            run.store.tombstone(run.planner.ids[job], dispatch.attempt)
        awaited = run.origins.awaited(run.planner.inputs, (job, *dispatch.loads), dispatch.machine)
        return run_message(
            run, dispatch.attempt, job, dispatch.loads, dispatch.cores, dispatch.memory_bytes, generates, awaited
        )
