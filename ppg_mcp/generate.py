"""In the compute slave: call a generating job's callback and record what it did to the graph.

The successor of the data process runs this on its own copy of the graph, which therefore already holds everything
that earlier generators made. The change travels to the master as plain data; the closures of the new jobs stay here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ppg_cs.tasks import Generated
from ppg_protocol.errors import JobContractError

from . import util
from .change import Change, JobChange
from .fingerprints import Description
from .graph import Phase, Pipegraph, Recording
from .job import Job
from .job_list import JobList
from .jobs.acceptance import Acceptance
from .jobs.file_invariants import Watcher
from .jobs.function import FunctionInvariant
from .jobs.invariant import Invariant
from .pieces import generated_part
from .planner.node import Kind
from .prerequisites import ask_late

if TYPE_CHECKING:
    from ppg_cs.task_stream import TaskStream

    from .jobs.generating import JobGeneratingJob


def generate(generator: JobGeneratingJob, stream: TaskStream | None) -> Generated:
    """Run the callback; returns the change and the new jobs that are executed somewhere."""
    graph = generator.graph
    util.global_pipegraph = graph
    graph.phase = Phase.GENERATING
    graph.recording = recording = Recording()
    before = len(graph.late_dependencies)
    try:
        assert generator.callback is not None
        returned = generator.callback()
        ask_late(graph, before)
        injected = _returned_jobs(generator, returned)
        for job in list(recording.jobs):
            job.code_invariant()
    finally:
        graph.recording = None
        graph.phase = Phase.RUNNING
    chunk = generated_part(graph, list(recording.jobs), stream) if stream is not None else b""
    tasks = tuple(job.task() for job in recording.jobs if job.kind != Kind.INVARIANT) if stream is None else ()
    change = Change(
        jobs=[_job_change(job) for job in recording.jobs],
        edges=_edges(graph, recording),
        injected=[job.job_id for job in injected],
        sources=_sources(recording.jobs),
    )
    return Generated(change.encode(), tasks, chunk)


def _edges(graph: Pipegraph, recording: Recording) -> list[tuple[str, str]]:
    """Those of new jobs travel with them; those of a job made twice were merged into the first one's."""
    new = set(recording.jobs)
    edges = ((job, other) for job, other in recording.edges if job not in new and graph.by_id.get(job.job_id) is job)
    return [(job.job_id, other.job_id) for job, other in edges]


def _returned_jobs(generator: Job, returned: Any) -> list[Job]:
    if returned is None or generator.kind != Kind.INJECTING:
        return []
    if not isinstance(returned, (Job, Iterable)):
        raise JobContractError(
            f"{generator!r}: the callback must return jobs or None, not {returned!r} ({type(returned).__name__})."
        )
    jobs = list(JobList(returned))
    for job in jobs:
        if job.graph is not generator.graph:
            raise JobContractError(
                f"{generator!r}: the callback returned {job!r}, but they belong to two pipegraphs. Make both after the "
                "same new_pipegraph()."
            )
    return jobs


def _job_change(job: Job) -> JobChange:
    value = b""
    description: Description = {}
    told = _Surroundings(job.graph)
    watched: tuple[str, ...] = ()
    if isinstance(job, Watcher):
        watched = (job.watched,) if isinstance(job.watched, str) else job.watched
    elif isinstance(job, Invariant):
        value, description = job.fingerprint(told), job.description()
    return JobChange(
        job_id=job.job_id,
        kind=job.kind,
        type_name=type(job).__name__,
        inputs=sorted(p.job_id for p in job.edges),
        paths=list(job.paths),
        kept=list(job.kept),
        empty_ok=job.empty_ok,
        cores=job.cores_needed,
        memory=job.memory_needed,
        early_cutoff=job.early_cutoff,
        masked=job._code.job_id if job._code is not None and job._ignores_code_changes else "",
        value=value,
        description=description,
        warnings=told.texts,
        watched=list(watched),
        acceptance=list(told.remembered),
        pruned=job in job.graph.pruning,
    )


def _sources(jobs: Iterable[Job]) -> dict[str, str]:
    sources: dict[str, str] = {}
    for job in jobs:
        if isinstance(job, FunctionInvariant):
            code = str(job.description()["code"])
            if code not in sources:
                sources[code] = job.source()
    return sources


class _Surroundings:
    """Of an invariant that watches no files; what it has to say and to remember travels with the change."""

    def __init__(self, graph: Pipegraph) -> None:
        self._graph = graph
        self.texts: list[str] = []
        self.remembered: tuple[Any, ...] = ()

    def checksum(self, path: str) -> bytes:
        """Only the master looks at files."""
        raise AssertionError(path)

    def acceptance(self, job_id: str) -> Acceptance | None:
        """As the master found it."""
        return self._graph.acceptances.get(job_id)

    def remember(self, job_id: str, acceptance: Acceptance) -> None:
        """The master stores it when it has merged the change."""
        self.remembered = acceptance

    def warn(self, text: str) -> None:
        """To travel with the change."""
        self.texts.append(text)
