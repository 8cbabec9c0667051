"""`run(dry_run=True)`: what would run, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..planner import Kind, Verdict
from .leaving_out import why_left_out

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from .context import RunContext


def print_plan(run: RunContext, graph: Pipegraph) -> None:
    """One line per job that would run, to standard output; and where the rest can't be known."""
    planner = run.planner
    would = [job for job in range(len(planner.nodes)) if planner.verdict[job] == Verdict.RUN]
    for job in would:
        print(f"{run.order[job]!r} would run: {run.explainer.why(job)}")
    for job, error in run.survey.failures.items():
        print(f"{run.order[job]!r} would fail, and with it what depends on it: {error}")
    for left_out in graph.left_out:
        print(f"{left_out!r} is left out, because {why_left_out(graph, left_out)}")
    if not would and not run.survey.failures:
        print("Nothing would run.")
    generators = [job for job in would if planner.kind[job] in (Kind.GENERATING, Kind.INJECTING)]
    for job in generators:
        print(f"{run.order[job]!r} makes or connects further jobs, which can't be known before it runs.")
