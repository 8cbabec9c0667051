"""What planner and dispatcher decided, carried out: jobs offered, adopted, left out, failed; temporaries removed.

A temporary is removed when the record of who needed it last is durable: else a run that is killed in between would have
to make both again.

The dispatcher is imported when the first job must run: a run with nothing to do needs none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ppg_protocol.errors import JobContractError, JobDiedException, PyPipeGraphError

from .. import planner as p
from ..job import Job
from ..planner.core import SETTLES
from ..planner.node import FINAL, LOADING
from .context import RunContext
from .files import remove_files
from .leaving_out import why_left_out

if TYPE_CHECKING:
    from ppg_protocol.records import Usage

    from .. import dispatcher as d


class Performer:
    """Fills buffers and drives cores; nothing leaves this process here, but for `remove`."""

    def __init__(self, run: RunContext, unlink: Callable[[str], None] = os.unlink) -> None:
        self._run = run
        self._unlink = unlink
        self.removable: list[int] = []
        """Temporaries that nobody needs any more."""
        self.losses: dict[int, str] = {}
        """Why a job's last attempt was lost, in words."""
        self._adopted = 0
        self._adoption_told = False

    def perform(self, instructions: Sequence[p.Instruction]) -> None:
        """What the planner says."""
        run = self._run
        for instruction in instructions:
            job = instruction.job
            match instruction:
                case p.Start():
                    self._offer(job)
                case p.Remove():
                    run.origins.forget(job)
                    self.removable.append(job)
                case p.Unload():
                    self._unload(job)
                case p.Adopt():
                    self._adopt(job)
                case p.Refresh():
                    run.recorder.refresh(job)
                case p.Withdraw():
                    self._withdraw(job)
                case p.Prune():
                    self._prune(job, instruction.cause)

    def remove(self) -> None:
        """Remove temporaries. All that is buffered in the store must be durable."""
        run = self._run
        for job in self.removable:
            run.log.info(f"removing the temporary {run.order[job]!r}")
            remove_files(run.graph, run.order[job], run.log, self._unlink)
        self.removable.clear()

    def _unload(self, job: int) -> None:
        from ppg_protocol.messages import Unload

        for machine in self._run.hosts:
            self._run.outbox.say(machine, Unload(job))

    def _withdraw(self, index: int) -> None:
        from ..dispatcher import Withdrawn

        self._run.dispatcher.handle(Withdrawn(index))

    def _offer(self, index: int) -> None:
        from ..dispatcher import Offer

        run = self._run
        job = run.order[index]
        run.log.info(f"run: {job!r}, because {run.explainer.why(index)}")
        planner = run.planner
        loads = planner.loads_of(index) if any(planner.kind[i] == LOADING for i in planner.inputs[index]) else ()
        for load in loads:
            if load not in run.told:
                run.told.add(load)
                run.log.info(f"run: {run.order[load]!r}, because {run.explainer.why(load)}")
        loads_bytes = sum(max(0, run.order[load].memory_needed) for load in loads)
        offer = Offer(index, job.cores_needed, max(0, job.memory_needed), loads, run.priorities.of(index), loads_bytes)
        self.dispatched(run.dispatcher.handle(offer))

    def _adopt(self, index: int) -> None:
        run = self._run
        job = run.order[index]
        if run.graph.options.adopt:
            run.log.info(f"taken over: {job!r}")
            self._adopted += 1
        else:
            run.log.warning(f"{job!r} was there already and is taken over as it is; delete it to have it made.")
        run.recorder.adoption(index, run.survey.adopted_files[index])

    def tell_adopted(self) -> None:
        """How many files adopt=True took over, since this was told last; which ones, the log says."""
        count, self._adopted = self._adopted, 0
        if count:
            more = "more " if self._adoption_told else ""
            what = "output that was there is" if count == 1 else "outputs that were there are"
            as_is = "as it is" if count == 1 else "as they are"
            self._run.log.warning(f"{count} {more}{what} taken over {as_is} (adopt=True).")
            self._adoption_told = True

    def _prune(self, index: int, cause: int) -> None:
        run = self._run
        job, culprit = run.order[index], run.order[cause]
        settles = run.planner.kind[index] in (*SETTLES, FINAL) or index in run.planner.demand.obliged
        if culprit in run.graph.left_out:
            run.graph.left_out[job] = run.graph.left_out[culprit]
            run.log.info(f"not run: {job!r}, because {why_left_out(run.graph, job)}")
        elif settles or run.planner.verdict[index] == p.Verdict.RUN:
            run.log.info(f"not run: {job!r}, because {culprit!r}, on which it depends, failed")
            run.results.prune(job, culprit)

    def dispatched(self, instructions: Sequence[d.Instruction]) -> None:
        """Verdicts of the dispatcher on jobs that will not be sent."""
        from .. import dispatcher as d

        run = self._run
        for instruction in instructions:
            match instruction:
                case d.Unmeetable(job, cores, memory_bytes):
                    self.fail_here(job, self._unmeetable(run.order[job], cores, memory_bytes))
                case d.Poisoned(job, machines):
                    hosts = ", ".join(run.hosts.get(m, m) for m in machines)
                    text = f"{run.order[job]!r} was lost {len(machines)} times while it was alone there, on {hosts}."
                    self.fail_here(job, JobDiedException(f"{text} {self.losses.get(job, '')}".rstrip()), was_run=True)

    def _unmeetable(self, job: Job, cores: int, memory_bytes: int) -> PyPipeGraphError:
        dispatcher = self._run.dispatcher
        if dispatcher.largest:
            sizes = [("the largest", *size) for size in dispatcher.largest]
        else:
            hosts = self._run.hosts
            every = dispatcher.machines.values()
            sizes = [(hosts.get(m.name, m.name), m.total_cores, m.total_memory_bytes) for m in every]
        machines = ", ".join(f"{name} has {cores} cores and {memory} bytes" for name, cores, memory in sizes)
        of_data = memory_bytes - max(0, job.memory_needed)
        data = f" ({of_data} of them for the data that it needs)" if of_data else ""
        return JobContractError(
            f"{job!r} needs {cores} cores and {memory_bytes} bytes of memory{data}, which no machine can give: "
            f"{machines}. Lower cores_needed or memory_needed (cores_needed = -1 takes what can be had)."
        )

    def fail_here(self, index: int, exception: BaseException, was_run: bool = False) -> None:
        """A job fails by what was found here."""
        from .recorder import NO_USAGE

        run = self._run
        run.results.failed_here(run.order[index], exception, was_run)
        self.remember_failure(index, NO_USAGE, 0)
        run.situation.failed += 1
        self.perform(run.planner.handle(p.Failed(index)))

    def remember_failure(self, index: int, usage: Usage, cores: int, host: str = "") -> None:
        """For the history."""
        error = self._run.order[index].error_reason.strip()
        first = error.splitlines()[0] if error else "it failed without a word"
        self._run.recorder.ended(index, usage, cores, first, host)
