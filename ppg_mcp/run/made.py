"""What generating jobs made in this run, and how it is made again when the process that held it is lost.

The closures of generated jobs live in a data process. When that dies, their generators are run once more; each must
make the same jobs as before, which then get the same indices. Until all have done so, nothing else is dispatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ppg_protocol.errors import CommunicationFailure, JobContractError
from ppg_protocol.messages import Finished
from ppg_protocol.records import Outcome

from ..change import Change
from ..job import Job
from ..planner import Kind

LOSSES_MAX = 3


@dataclass(slots=True)
class Made:
    """By one generator: its job, the indices and ids of the jobs with tasks, and how often these were lost in a row."""

    generator: Job
    jobs: tuple[int, ...]
    job_ids: list[str]
    losses: int = 0


class Generations:
    """All that generators made, by the attempt that made it last."""

    def __init__(self) -> None:
        self._made: dict[int, Made] = {}
        self._again: dict[int, int] = {}
        """Attempts under way that make lost tasks again, and the attempts whose tasks these were."""

    @property
    def busy(self) -> bool:
        """Are tasks being made again?"""
        return bool(self._again)

    def is_again(self, attempt: int) -> bool:
        """Does this attempt make lost tasks again?"""
        return attempt in self._again

    def add(self, attempt: int, generator: Job, jobs: Sequence[int], change: Change) -> None:
        """A generator's change was merged, and its tasks got these indices."""
        self._made[attempt] = Made(generator, tuple(jobs), _task_ids(change))

    def lost(self, attempt: int) -> Job | None:
        """The tasks that this attempt made are gone; returns the generator to run again, by `begin_again`."""
        made = self._made.get(attempt)
        return made.generator if made is not None else None

    def begin_again(self, lost: int, attempt: int) -> None:
        """`attempt` makes again what `lost` had made."""
        self._again[attempt] = lost

    def finish_again(self, message: Finished) -> tuple[int, ...] | int:
        """The tasks are there again: returns their indices. They went down once more: the attempt to make again.

        Raises CommunicationFailure when the generator fails this time, JobContractError when it made other jobs.
        """
        lost = self._again.pop(message.attempt)
        made = self._made[lost]
        if message.outcome == Outcome.LOST and made.losses < LOSSES_MAX:
            made.losses += 1
            return lost
        before = (
            f"{made.generator!r} was run again, because the jobs that it had made were lost with a compute slave, but "
        )
        if message.outcome != Outcome.OK:
            reason = message.failure.text if message.failure else "without an answer"
            raise CommunicationFailure(f"{before}failed this time: {reason}. Run again.")
        now = _task_ids(Change.decode(message.generated))
        if made.job_ids != now:
            raise JobContractError(
                f"{before}made other jobs than before: {sorted(set(made.job_ids) ^ set(now))[:5]}. "
                "Its callback must be deterministic."
            )
        made.losses = 0
        self._made[message.attempt] = self._made.pop(lost)
        return made.jobs


def _task_ids(change: Change) -> list[str]:
    return [job.job_id for job in change.jobs if job.kind != Kind.INVARIANT]
