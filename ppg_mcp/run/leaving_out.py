"""Jobs that a run leaves out: what was pruned by hand, and everything downstream of it.

They are as if they had not been written down: not run, not failed, their records and files not touched. Rules:

1. Who is left out is settled when run() starts, and for the jobs of a generating job when these are merged.
2. An invariant that only such jobs depend on is left out too, silently: its file may well be missing.
3. What is left out at the start gets no index and no node. What a generating job makes has tasks, which need indices;
   and it may make a job that waits for it depend on one that was left out. In both cases the planner gets a node that
   stands for the job, and prunes what depends on it.

Rejected: such nodes for all of them. What they alone needed would be surveyed and held, temporaries for example.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..graph import Pipegraph
from ..job import Job
from ..planner.node import Kind


def taking_part(graph: Pipegraph) -> Iterable[Job]:
    """The jobs of the run that starts; notes the others in `graph.left_out`."""
    graph.left_out = {}
    if not graph.pruning:
        return graph.by_id.values()
    return _leave_out(graph, graph.by_id.values(), {job: job for job in graph.pruning})


def taking_part_too(
    graph: Pipegraph, new: Collection[Job], pruned: Iterable[Job], injected: Collection[Job]
) -> Collection[Job]:
    """The same for what a generating job made; `injected` are the prerequisites that it gave to older jobs."""
    culprits = {job: job for job in pruned}
    if graph.left_out:
        for job in new:
            for p in job.edges:
                if p in graph.left_out:
                    culprits.setdefault(job, graph.left_out[p])
    return _leave_out(graph, new, culprits, injected) if culprits else new


def why_left_out(graph: Pipegraph, job: Job) -> str:
    """Half a sentence."""
    culprit = graph.left_out[job]
    return "it was pruned" if culprit is job else f"{culprit!r} was pruned"


def _leave_out(
    graph: Pipegraph, jobs: Iterable[Job], culprits: dict[Job, Job], injected: Collection[Job] = ()
) -> list[Job]:
    dependants: dict[Job, list[Job]] = {}
    for job in jobs:
        for p in job.edges:
            dependants.setdefault(p, []).append(job)
    stack = list(culprits)
    graph.left_out.update(culprits)
    while stack:
        job = stack.pop()
        for d in dependants.get(job, ()):
            if d not in graph.left_out:
                graph.left_out[d] = graph.left_out[job]
                stack.append(d)
    return [
        job
        for job in jobs
        if job not in graph.left_out and (job in injected or not _is_superfluous(graph, job, dependants.get(job)))
    ]


def _is_superfluous(graph: Pipegraph, job: Job, dependants: Iterable[Job] | None) -> bool:
    return job.kind == Kind.INVARIANT and bool(dependants) and all(d in graph.left_out for d in dependants or ())
