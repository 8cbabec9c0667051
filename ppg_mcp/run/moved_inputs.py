"""Input files that are not what they were when the run began: told at its end (ADR 0108).

What ran meanwhile is recorded with the value that was taken at the beginning, so it runs again in the next run. That is
right, and once; but a job that writes its own input file runs in every run, and nobody would know why.

Rules: only what the run used is looked at again, so a run with nothing to do looks at nothing twice. A file that has
its value, though it was touched or written anew, is as it was. Not after an interrupt, since that wants an end; and
where one can end it at once, since a huge file takes its time.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ..job import Job
from ..jobs.file_invariants import WATCHERS
from ..jobs.invariant import Invariant

if TYPE_CHECKING:
    from .context import RunContext

MAX_SHOWN = 5


def report_moved_inputs(run: RunContext) -> None:
    """Warn of each input file that changed or vanished after jobs that ran had been planned by it."""
    users = _users(run) if run.executed else {}
    for index, jobs in users.items():
        invariant = run.order[index]
        assert isinstance(invariant, Invariant)
        change = _change(run, invariant, run.planner.strict[index])
        if change:
            run.log.warning(_warning(invariant, change, jobs))


def _users(run: RunContext) -> dict[int, list[Job]]:
    """Invariants on files, and the jobs that ran and depend on them."""
    users: dict[int, list[Job]] = {i: [] for i, job in enumerate(run.order) if isinstance(job, WATCHERS)}
    for job in run.order if users else ():
        if job._result is not None and job.was_run and not job.failed:
            for p in run.planner.inputs[job.index]:
                if p in users:
                    users[p].append(job)
    return {index: jobs for index, jobs in users.items() if jobs}


def _change(run: RunContext, invariant: Invariant, value: bytes) -> str:
    """What became of its files, "" if nothing. The invariant goes on telling of the value that counted."""
    try:
        return "" if copy.copy(invariant).fingerprint(run.survey) == value else "changed while this run went on"
    except OSError as error:
        return f"can't be read any more ({error.strerror or error})"


def _warning(invariant: Invariant, change: str, jobs: list[Job]) -> str:
    return (
        f"{invariant!r}: the input {change}, and {_shown(jobs)} ran for what it was before. The next run will run that "
        "again. If a job changes its own input, every run will: let it write another file, or, if it makes this one, "
        "depend on that job instead of on the file. Otherwise change input files between runs."
    )


def _shown(jobs: list[Job]) -> str:
    more = f" and {len(jobs) - MAX_SHOWN} more" if len(jobs) > MAX_SHOWN else ""
    return ", ".join(map(repr, jobs[:MAX_SHOWN])) + more
