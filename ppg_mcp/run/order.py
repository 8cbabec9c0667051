"""Jobs in topological order, or the circle that makes that impossible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..exceptions import CycleError
from ..job import UNSEEN, Job

ON_PATH = -2


def topological(jobs: Iterable[Job], first: int = 0) -> list[Job]:
    """Prerequisites first, else in the order given; sets `job.index` from `first` on. Jobs that have one are left out.

    Raises CycleError with the circle; no job has got an index then. No recursion: a chain may have any length.
    """
    order: list[Job] = []
    try:
        for job in jobs:
            if job.index != UNSEEN:
                continue
            if job._edges:
                _visit(job, order, first)
            else:
                job.index = first + len(order)
                order.append(job)
    except CycleError:
        for job in order:
            job.index = UNSEEN
        raise
    return order


def _visit(root: Job, order: list[Job], first: int) -> None:
    path: list[tuple[Job, Iterator[Job]]] = [(root, iter(root.edges))]
    root.index = ON_PATH
    while path:
        job, prerequisites = path[-1]
        for p in prerequisites:
            if p.index == UNSEEN:
                p.index = ON_PATH
                path.append((p, iter(p.edges)))
                break
            if p.index == ON_PATH:
                _raise_cycle([job for job, _ in path], p)
        else:
            job.index = first + len(order)
            order.append(job)
            path.pop()


def _raise_cycle(path: list[Job], closing: Job) -> None:
    cycle = path[path.index(closing) :]
    for job in path:
        job.index = UNSEEN
    raise CycleError([job.job_id for job in cycle])
