"""One turn of a run: hand every report to its handler, ask the dispatcher what to send, commit, send.

No clock and no waiting: the run loop brings time and reports, so a simulation can bring others. The handlers change the
cores and fill two buffers, the store's and the outbox; so whatever came together is committed together, and status
writes come before what they justify: a tombstone before its Run leaves, a record before its Ack and the Run of a
dependant leave, and before a temporary is removed that nobody needs any more. They are durable before, too, unless
nothing could be taken for done that is not (`Facts.rests_on_tombstone`): then the fsync follows the Run.

Where nothing rests on them yet, records wait for others for a moment; then they are written, so that they outlive this
process; on disk they are with what is sent next, or a little later. What is sent takes an fsync, before or after it. So
as long as machines have plenty to do, they are sent more along with a commit that comes anyway, or a lot at a time.
"""

from __future__ import annotations

import math
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

COMMIT_INTERVAL_S = 0.02
"""Records wait at most so long for others to share their commit. (What one machine says comes less often, see
`ppg_cs.outbox.BATCH_S`: so it is committed at once, in the same turn.)"""
DURABLE_INTERVAL_S = 0.4
"""And for the fsync so long."""
LEEWAY_S = 0.05
"""So much earlier, if there is a commit anyway."""


class Turn:
    """See the module."""

    def __init__(self, run: RunContext, performer: Performer) -> None:
        self._run = run
        self._performer = performer
        self._generating = Generating(run, performer)
        self._reception = Reception(run, performer, self._generating)
        self._commit_by = 0.0
        self._durable_by = math.inf  # until something is written
        self._rests = False  # does a Run that is to leave rest on its tombstone?

    def take_in(self, reports: Iterable[tuple[str, Report]]) -> None:
        """What supervisors said."""
        for machine, message in reports:
            self._reception.on_message(machine, message)

    def play(self, machines: Machines, reports: Iterable[tuple[str, Report]], now: float) -> None:
        """The whole of it."""
        run = self._run
        self.take_in(reports)
        is_due = now >= self.deadline
        is_durable = is_due and now >= self._durable_by - LEEWAY_S
        for dispatch in self._dispatch(machines, along=is_durable):
            run.outbox.say(dispatch.machine, self._to_run(dispatch))
        for name, attempt in run.dispatcher.to_steal(run.situation.running):
            run.outbox.say(name, Retract((attempt,)))
        machines.demand(run.dispatcher.demand)
        if run.outbox or is_durable:
            self.flush(now)
        elif is_due:
            run.store.commit(durable=False)
            self._commit_by = now + COMMIT_INTERVAL_S
            self._durable_by = min(self._durable_by, now + DURABLE_INTERVAL_S)

    @property
    def deadline(self) -> float:
        """When there is something to be done though nothing comes."""
        store = self._run.store
        if store.pending:
            return min(self._commit_by, self._durable_by)
        waits = not store.is_durable or self._performer.removable or self._run.outbox.acknowledges
        return self._durable_by if waits else math.inf

    def flush(self, now: float) -> None:
        """Commit, and do what the commit justifies."""
        run = self._run
        self._commit(durable=self._rests or bool(self._performer.removable) or not run.outbox)
        if run.machines is not None:
            for machine, messages in run.outbox.empty():
                run.machines.send(machine, messages)
        self._commit(durable=True)
        self._rests = False
        self._commit_by = now + COMMIT_INTERVAL_S
        self._durable_by = now + DURABLE_INTERVAL_S

    def _commit(self, durable: bool) -> None:
        self._run.store.commit(durable)
        if durable:
            self._run.outbox.ripen()
            self._performer.remove()

    def _dispatch(self, machines: Machines, along: bool) -> Sequence[Dispatch]:
        """Nothing new is sent while lost tasks are being made again, or something of an earlier run may still write."""
        if self._generating.generations.busy or not machines.is_clear:
            return ()
        return self._run.dispatcher.dispatch(along)

    def _to_run(self, dispatch: Dispatch) -> Run:
        run, job = self._run, dispatch.job
        generates = run.planner.kind[job] in GENERATES
        if not generates and run.planner.kind[job] != FINAL:
            run.store.tombstone(run.planner.ids[job], dispatch.attempt)
            self._rests = self._rests or run.planner.rests_on_tombstone(job)
        awaited = run.origins.awaited(run.planner.inputs, (job, *dispatch.loads), dispatch.machine)
        return run_message(
            run, dispatch.attempt, job, dispatch.loads, dispatch.cores, dispatch.memory_bytes, generates, awaited
        )
