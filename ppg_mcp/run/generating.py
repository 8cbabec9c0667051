"""Generating jobs: what they made joins the graph, and is made again when it was lost."""

from __future__ import annotations

from ppg_protocol.errors import JobContractError
from ppg_protocol.messages import Cancel, DataLost, Finished

from .. import dispatcher as d
from ..change import Change
from .context import RunContext
from .leaving_out import why_left_out
from .made import Generations
from .merge import Merge
from .orphans import report_orphans
from .performing import Performer
from .sending import run_message


class Generating:
    """See the module."""

    def __init__(self, run: RunContext, performer: Performer) -> None:
        self.generations = Generations()
        self._run = run
        self._performer = performer

    def merge(self, machine: str, index: int, message: Finished) -> bool:
        """Add what a generator made to the graph, or fail it. Not that of one that was withdrawn."""
        run = self._run
        if run.planner.is_off(index):
            self._discard(machine, message)
            return False
        change = Change.decode(message.generated)
        merge = Merge(run.graph, run.planner, run.order[index], change)
        try:
            merge.check()
        except JobContractError as error:
            self._discard(machine, message)
            self._performer.fail_here(index, error, was_run=True)
            return False
        merge.commit()
        for job in merge.left_out:
            run.log.info(f"not run: {job!r}, because {why_left_out(run.graph, job)}")
        indices = tuple(job.index for job in merge.task_jobs)
        self.generations.add(message.attempt, run.order[index], indices, change)
        assert run.machines is not None
        run.machines.define(machine, message.attempt, indices, message.chunk)
        edges = [(dependant.index, prerequisite.index) for dependant, prerequisite in merge.edges]
        self._performer.perform(run.planner.extend(run.survey.nodes(merge.admitted), edges))
        run.report_missing_inputs()
        report_orphans(run.graph, run.store, run.log, run.order[index], merge.made)
        run.log.info(f"{run.order[index]!r} made {len(merge.made)} jobs and {len(edges)} edges")
        run.log_not_run()
        return True

    def _discard(self, machine: str, message: Finished) -> None:
        """What was generated is not wanted."""
        self._run.outbox.say(machine, Cancel(message.attempt))
        self._run.dispatcher.handle(d.Ended(message.attempt, message.usage.runtime_s))

    def on_data_lost(self, machine: str, message: DataLost) -> None:
        """What was loaded there is gone, and what was generated, unless other machines have it, too."""
        self._run.log.warning(f"A compute slave lost its data and loads it again: {message.reason}")
        self._run.dispatcher.handle(d.Gone(machine, message.jobs))
        for attempt in message.generators:
            self._make_again(machine, attempt)

    def _make_again(self, machine: str, lost: int) -> None:
        """The closures that a generator made are gone: it is run once more."""
        run = self._run
        generator = self.generations.lost(lost)
        if generator is None:
            return
        attempt = run.dispatcher.new_attempt()
        self.generations.begin_again(lost, attempt)
        run.log.info(f"run: {generator!r}, because the jobs that it made were lost with a compute slave")
        loads = run.planner.loads_of(generator.index)
        run.outbox.say(machine, run_message(run, attempt, generator.index, loads, 1, 0, generates=True))

    def finish_again(self, machine: str, message: Finished) -> None:
        """A generator was run once more."""
        done = self.generations.finish_again(message)
        if isinstance(done, int):
            self._make_again(machine, done)
        else:
            assert self._run.machines is not None
            self._run.machines.define(machine, message.attempt, done, b"")
