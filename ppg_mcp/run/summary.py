"""The last line of a run."""

from __future__ import annotations

from collections.abc import Sequence

from ..job import Job
from ..planner import Kind, Planner, Reason
from .results import Results

ALWAYS = (Kind.GENERATING, Kind.INJECTING, Kind.FINAL)


def summary(
    order: Sequence[Job], planner: Planner, results: Results, executed: int, left_out: int, duration_s: float
) -> str:
    """How much was done, in how many seconds."""
    outputs = planner.kind.count(Kind.OUTPUT)
    current = planner.reason.count(Reason.CURRENT) + planner.reason.count(Reason.ADOPTED)
    if results.failures or (
        executed and any(job._result is not None and job.was_run and job.kind not in ALWAYS for job in order)
    ):
        parts = [f"{executed} job{'s' if executed != 1 else ''} run"]
    else:
        parts = ["nothing had to be redone"]
    parts.append(f"{current} of {outputs} outputs were current")
    if results.failures:
        parts.append(f"{len(results.failures)} failed, {len(results.pruned)} not run because of that")
    if left_out:
        parts.append(f"{left_out} left out")
    return f"{', '.join(parts)} ({duration_s:.2f} s)"
