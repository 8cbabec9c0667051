"""What to do about a failure, where the graph knows more than the exception says.

A file that is not there is mostly a forgotten `depends_on`, or a typing error. A job whose prerequisite was forgotten
fails in its first run only: in the second one the file is there, and the edge is still missing.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable
from itertools import islice

from ppg_protocol.errors import JobContractError

from ..graph import Pipegraph
from ..job import Job
from ..planner.node import TEMPORARY

MAX_NAMED = 5
MAX_CANDIDATES = 10_000


def of_job(graph: Pipegraph, job: Job, exception: BaseException) -> str:
    """For a callback that did not find a file that a job of the graph makes; else empty."""
    path = _missing(exception)
    try:
        writer = graph.writer(graph.relative(path)) if path else None
    except JobContractError:  # the callback's own string, which need not be a name that outputs can have
        return ""
    if writer is None or not os.path.isdir(os.path.dirname(graph.absolute(path))):
        return ""
    if writer is job:
        return f"{path!r} is the job's own output: that of an earlier run is removed before the callback is called."
    if writer in job.edges:
        return ""
    if _depends(job, writer):
        if writer.kind != TEMPORARY:
            return ""
        return (
            f"{path!r} is a temporary file of {writer!r}, which is kept for jobs that depend on that directly or "
            f"through loading jobs. If {job!r} needs it, say so with depends_on()."
        )
    return (
        f"{path!r} is made by {writer!r}, on which {job!r} does not depend, so it need not be there yet. "
        "If it is needed, say so with depends_on()."
    )


def of_input(graph: Pipegraph, error: BaseException, dependants: Collection[Job]) -> str:
    """For an input file that can't be read: who wants it, and which files are called nearly so."""
    names = ", ".join(repr(job.job_id) for job in list(dependants)[:MAX_NAMED])
    more = f" and {len(dependants) - MAX_NAMED} more" if len(dependants) > MAX_NAMED else ""
    parts = [f"It is an input file of {names}{more}."] if dependants else []
    parts += [f"Did you mean {name!r}?" for name in _near(graph, _missing(error))]
    return " ".join(parts)


def dependants_of(invariants: Iterable[Job], jobs: Iterable[Job]) -> dict[Job, list[Job]]:
    """Which of the jobs depend on each of these directly."""
    found: dict[Job, list[Job]] = {invariant: [] for invariant in invariants}
    for job in jobs:
        for invariant in found.keys() & job.edges:
            found[invariant].append(job)
    return found


def _missing(error: BaseException) -> str:
    """The path that was not found, empty if that is not what went wrong."""
    name = error.filename if isinstance(error, FileNotFoundError) else None
    return name if isinstance(name, str) else ""


def _depends(job: Job, prerequisite: Job) -> bool:
    """Directly or through others? Makes no implicit job, as `Job.prerequisites` would."""
    seen: set[Job] = set()
    front = set(job.edges)
    while front and prerequisite not in front:
        seen |= front
        front = {further for one in front for further in one.edges} - seen
    return bool(front)


def _near(graph: Pipegraph, path: str) -> list[str]:
    """The file that stands beside a missing one under a similar name, as a path from the graph's directory; or none."""
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, MAX_CANDIDATES)]
    except OSError:
        return []
    found = difflib.get_close_matches(name, names, 1, 0.6)
    return [os.path.relpath(os.path.join(folder, one), graph.directory) for one in found]
