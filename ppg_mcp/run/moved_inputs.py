"""Input files that are not what they were when the run began: told at its end (ADR 0108).

What ran meanwhile is recorded with the value that was taken at the beginning, so it runs again in the next run. That is
right, and once; but a job that writes its own input file runs in every run, and nobody would know why.

Rules: only what the run used is looked at again, so a run with nothing to do looks at nothing twice. A file that has
its value, though it was touched or written anew, is as it was. Not after an interrupt, since that wants an end; and
where one can end it at once, since a huge file takes its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..job import Job
from ..jobs.file_invariants import Watcher

if TYPE_CHECKING:
    from .context import RunContext

MAX_SHOWN = 5


def report_moved_inputs(run: RunContext) -> None:
    """Warn of each input file that changed or vanished after jobs that ran had been planned by it."""
    if not run.executed:
        return
    changes = {index: change for index in _used(run) if (change := _change(run, index))}
    users: dict[int, list[Job]] = {index: [] for index in changes}
    for job in _ran(run) if changes else ():
        for p in run.planner.inputs[job.index]:
            if p in users:
                users[p].append(job)
    for index, change in changes.items():
        run.log.warning(_warning(run.order[index], change, users[index]))


def _ran(run: RunContext) -> Iterator[Job]:
    return (job for job in run.order if job._result is not None and job.was_run and not job.failed)


def _used(run: RunContext) -> list[int]:
    """Invariants on files that a job which ran depends on."""
    marks = bytearray(len(run.order))
    for job in _ran(run):
        for p in run.planner.inputs[job.index]:
            marks[p] = 1
    return [index for index, job in enumerate(run.order) if marks[index] and isinstance(job, Watcher)]


def _change(run: RunContext, index: int) -> str:
    """What became of its files, "" if nothing."""
    invariant = run.order[index]
    assert isinstance(invariant, Watcher)
    try:
        same = invariant.value(run.survey) == run.planner.strict[index]
        return "" if same else "changed while this run went on"
    except OSError as error:
        return f"can't be read any more ({error.strerror or error})"


def _warning(invariant: Job, change: str, jobs: list[Job]) -> str:
    return (
        f"{invariant!r}: the input {change}, and {_shown(jobs)} ran for what it was before. The next run will run that "
        "again. If a job changes its own input, every run will: let it write another file, or, if it makes this one, "
        "depend on that job instead of on the file. Otherwise change input files between runs."
    )


def _shown(jobs: list[Job]) -> str:
    more = f" and {len(jobs) - MAX_SHOWN} more" if len(jobs) > MAX_SHOWN else ""
    return ", ".join(map(repr, jobs[:MAX_SHOWN])) + more
