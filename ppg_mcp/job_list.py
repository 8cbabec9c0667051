"""JobList: several jobs that are depended on together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

from ppg_cs.returned import NoResult
from ppg_protocol.errors import JobContractError

from .job import Job


class JobList(NoResult, list[Job]):
    """A list of jobs; `+` takes jobs and iterables of jobs on both sides.

    Args:
        jobs: A job, or an iterable of jobs.

    Raises:
        JobContractError: Something in it is no job.
    """

    def __init__(self, jobs: Job | Iterable[Job] = ()) -> None:
        super().__init__(_jobs(jobs))

    def __add__(self, other: Any) -> JobList:  # type: ignore[override]  # wider than list's on purpose
        return JobList([*self, *_jobs(other)])

    def __radd__(self, other: Any) -> JobList:
        return JobList([*_jobs(other), *self])

    def __iadd__(self, other: Any) -> Self:  # type: ignore[override]  # wider than list's on purpose
        self.extend(_jobs(other))
        return self

    def depends_on(self, *others: Any) -> Self:
        """Every job of the list depends on `others`, of which iterators may be read only once."""
        given = [list(other) if isinstance(other, Iterator) else other for other in others]
        for job in self:
            job.depends_on(*given)
        return self

    def prune(self) -> JobList:
        """Leave every job of the list out of the coming run; see `Job.prune`."""
        for job in self:
            job.prune()
        return self

    def unprune(self) -> JobList:
        """Take `prune()` back."""
        for job in self:
            job.unprune()
        return self


def _jobs(value: Any) -> list[Job]:
    if isinstance(value, Job):
        return [value]
    if not isinstance(value, Iterable):
        raise _refusal(value)
    jobs = list(value)
    for job in jobs:
        if not isinstance(job, Job):
            raise _refusal(job)
    return jobs


def _refusal(value: Any) -> JobContractError:
    return JobContractError(f"A JobList holds jobs, not {value!r} ({type(value).__name__}).")
