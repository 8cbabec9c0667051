"""`run(dry_run=True)`: what would run, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..planner import Kind, Verdict
from .leaving_out import why_left_out

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from .loop import RunLoop


def print_plan(loop: RunLoop, graph: Pipegraph) -> None:
    """One line per job that would run, to standard output; and where the rest can't be known."""
    planner = loop.planner
    would = [job for job in range(len(planner.nodes)) if planner.verdict[job] == Verdict.RUN]
    for job in would:
        print(f"{loop.order[job]!r} would run: {loop.explainer.why(job)}")
    for job, error in loop.missing_inputs().items():
        print(f"{loop.order[job]!r} would fail, and with it what depends on it: {error}")
    for left_out in graph.left_out:
        print(f"{left_out!r} is left out, because {why_left_out(graph, left_out)}")
    if not would and not loop.missing_inputs():
        print("Nothing would run.")
    generators = [job for job in would if planner.kind[job] in (Kind.GENERATING, Kind.INJECTING)]
    for job in generators:
        print(f"{loop.order[job]!r} makes or connects further jobs, which can't be known before it runs.")
