"""Merge what a generating job did into the graph of the master: the whole change, or JobContractError and no trace."""

from __future__ import annotations

from typing import Any, ClassVar

from ppg_protocol.errors import JobContractError

from ..change import Change, JobChange
from ..fingerprints import Description
from ..graph import Pipegraph
from ..job import CODE_SUFFIX, UNSEEN, Job
from ..jobs.acceptance import Acceptance
from ..jobs.file_invariants import (
    FileChecksumInvariant,
    FileTimeInvariant,
    MultiFileInvariant,
    RobustFileChecksumInvariant,
)
from ..jobs.invariant import Invariant, Surroundings
from ..planner.core import Planner
from ..planner.node import DONE, FINAL, INJECTING, Kind
from .leaving_out import taking_part_too
from .order import topological

Edge = tuple[Job, Job]

_WATCHERS: dict[str, type[Invariant]] = {
    cls.__name__: cls
    for cls in (FileTimeInvariant, FileChecksumInvariant, RobustFileChecksumInvariant, MultiFileInvariant)
}


class GeneratedJob(Job):
    """A job that was made in a compute slave; its callback lives there. `type_name` is its class."""

    kind: Kind  # type: ignore[misc]  # one class for all kinds
    type_name: str

    def __repr__(self) -> str:
        return f"{self.type_name}({self.job_id!r})"


class GeneratedInvariant(Invariant):
    """An invariant whose value was taken in the compute slave that made it."""

    kind: ClassVar[Kind] = Kind.INVARIANT
    type_name: str
    change: JobChange
    sources: dict[str, str]

    def __repr__(self) -> str:
        return f"{self.type_name}({self.job_id!r})"

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """As it came."""
        for warning in self.change.warnings:
            surroundings.warn(warning)
        if self.change.acceptance:
            surroundings.remember(self.job_id, Acceptance(*self.change.acceptance))
        return self.change.value

    def description(self) -> Description:
        """As it came."""
        return self.change.description

    def source(self) -> str:
        """As it came."""
        return self.sources.get(str(self.change.description.get("code", "")), "")


class Merge:
    """One generator's change. `check` raises or leaves everything as it was; `commit` can't fail."""

    def __init__(self, graph: Pipegraph, planner: Planner, generator: Job, change: Change) -> None:
        self._graph = graph
        self._planner = planner
        self._generator = generator
        self._change = change
        self.jobs: list[Job] = []
        """New jobs that take part, topologically ordered after `commit`."""
        self.admitted: list[Job] = []
        """What is new to the planner: jobs, and those that stand for what is left out."""
        self.left_out: list[Job] = []
        """New jobs that have no part in this run."""
        self.edges: list[Edge] = []
        """New edges of older jobs, (dependant, prerequisite)."""
        self._new: dict[str, Job] = {}

    @property
    def made(self) -> list[Job]:
        """All new jobs."""
        return list(self._new.values())

    @property
    def task_jobs(self) -> list[Job]:
        """The new jobs that have tasks, in the order in which the generator made them."""
        return [self._new[change.job_id] for change in self._change.jobs if change.kind != Kind.INVARIANT]

    def check(self) -> None:
        """Raise JobContractError unless the change keeps all rules, CycleError where it would close a circle."""
        for change in self._change.jobs:
            self._check_new(change)
            job = self._new[change.job_id] = self._make(change)
            self._check_writers(job)
        for change in self._change.jobs:
            job = self._new[change.job_id]
            job._edges = {self._find(job_id) for job_id in change.inputs}
            job._code = self._new.get(change.masked) if change.masked else None
        self._collect_edges()
        self._check_circles()

    def commit(self) -> None:
        """Make it part of the graph."""
        graph = self._graph
        pruned = [self._new[change.job_id] for change in self._change.jobs if change.pruned]
        injected = {prerequisite for _, prerequisite in self.edges}
        jobs = taking_part_too(graph, self._new.values(), pruned, injected)
        self.left_out = [job for job in self._new.values() if job in graph.left_out]
        late = (p for p in injected if p.index == UNSEEN and p.job_id not in self._new)
        standing_in = [*sorted(late, key=lambda job: job.job_id), *self.left_out]
        for index, job in enumerate(standing_in, start=len(graph.order)):
            job.index = index
        self.jobs = topological(jobs, first=len(graph.order) + len(standing_in))
        self.admitted = [*standing_in, *self.jobs]
        graph.order.extend(self.admitted)
        for job in self._new.values():
            graph.add(job)
        for change in self._change.jobs:
            graph.watch(self._new[change.job_id], change.watched)
        for dependant, prerequisite in self.edges:
            dependant.connect(prerequisite)

    # ------------------------------------------------------------------------------------------------------- new jobs

    def _check_new(self, change: JobChange) -> None:
        known = self._graph.by_id.get(change.job_id) or self._new.get(change.job_id)
        if known is not None:
            raise self._refusal(f"made {change.type_name}({change.job_id!r}), but {known!r} exists already")
        for path in change.paths:
            writer = self._graph.writer(path)
            if writer is not None:
                raise self._refusal(f"made {change.job_id!r}, which would write {path!r}, as {writer!r} does already")
        for path in change.watched:
            maker = self._graph.writer(path)
            if maker is not None:
                raise self._refusal(f"made {change.type_name}({change.job_id!r}) on {path!r}, which {maker!r} makes")

    def _check_writers(self, job: Job) -> None:
        try:
            for path in job.paths:
                self._graph.check_writer(job, path)
        except JobContractError as error:
            raise self._refusal(f"made a job that can't be: {error}") from None

    def _make(self, change: JobChange) -> Job:
        job: Any
        if change.watched:
            watcher = _WATCHERS[change.type_name]
            job = watcher.__new__(watcher)
            job.watched = tuple(change.watched) if watcher is MultiFileInvariant else change.watched[0]
        elif change.kind == Kind.INVARIANT:
            job = GeneratedInvariant.__new__(GeneratedInvariant)
            job.change = change
            job.sources = self._change.sources
            job.type_name = change.type_name
        else:
            job = GeneratedJob.__new__(GeneratedJob)
            job.kind = Kind(change.kind)
            job.type_name = change.type_name
        job.graph = self._graph
        job.index = UNSEEN
        job._record = None
        job.job_id = change.job_id
        job.paths = tuple(change.paths)
        job.kept = tuple(change.kept)
        job.empty_ok = change.empty_ok
        job._cores_needed = change.cores
        job._memory_needed = change.memory
        job.early_cutoff = change.early_cutoff
        job._ignores_code_changes = bool(change.masked)
        return job  # type: ignore[no-any-return]

    def _find(self, job_id: str) -> Job:
        job = self._new.get(job_id) or self._graph.find(job_id)
        if job is None:
            raise self._refusal(f"used {job_id!r}, which does not exist in the master")
        if job.index == UNSEEN and job is self._implied(job_id):
            self._new[job_id] = job
        return job

    def _implied(self, job_id: str) -> Job | None:
        """The invariant that an older job implies, of which the planner knows the value only."""
        implying = self._graph.by_id.get(job_id.removesuffix(CODE_SUFFIX))
        return implying._code if implying is not None and implying.implies_code else None

    # ---------------------------------------------------------------------------------------------------------- edges

    def _collect_edges(self) -> None:
        generator = self._generator
        for dependant_id, prerequisite_id in self._change.edges:
            dependant, prerequisite = self._find(dependant_id), self._find(prerequisite_id)
            if dependant.index == UNSEEN and dependant not in self._graph.left_out:
                raise self._refusal(f"changed {dependant!r} after it was reported")
            if generator.kind != INJECTING:
                raise self._refusal(
                    f"made {dependant!r} depend on {prerequisite!r}, but a JobGeneratingJob can't add prerequisites to "
                    "jobs that exist already: use a DependencyInjectionJob, on which these depend"
                )
            if generator not in dependant.edges:
                raise self._refusal(
                    f"made {dependant!r} depend on {prerequisite!r}, but a DependencyInjectionJob may only add "
                    f"prerequisites to its own dependants: add {dependant!r}.depends_on({generator!r})"
                )
            if dependant.index != UNSEEN:
                self.edges.append((dependant, prerequisite))
        if self._change.injected:
            injected = [self._find(job_id) for job_id in self._change.injected]
            for dependant in self._dependants():
                self.edges.extend((dependant, job) for job in injected if job not in dependant.edges)

    def _dependants(self) -> list[Job]:
        """Jobs that depend on the generator directly."""
        order = self._graph.order
        waiting = [order[d] for d in self._planner.dependants.get(self._generator.index, ())]
        finals = [order[f] for f in self._planner.finals if self._generator in order[f].edges]
        return waiting + finals

    def _check_circles(self) -> None:
        """No new edge may lead from a dependant back to itself. Only jobs that are not done can be on such a path."""
        added: dict[Job, list[Job]] = {}
        for dependant, prerequisite in self.edges:
            if prerequisite.kind == FINAL and dependant.kind != FINAL:
                raise self._refusal(f"made {dependant!r} depend on {prerequisite!r}, which runs after everything else")
            added.setdefault(dependant, []).append(prerequisite)
        finished: set[Job] = set()
        for root in [*added, *self._new.values()]:
            self._search(root, added, finished)

    def _search(self, root: Job, added: dict[Job, list[Job]], finished: set[Job]) -> None:
        """Depth first, without recursion; `finished` jobs lead to no circle."""
        if root in finished:
            return
        path = {root: None}
        stack = [iter(self._ahead(root, added))]
        while stack:
            for p in stack[-1]:
                if p in path:
                    names = [job.job_id for job in path]
                    cycle = names[names.index(p.job_id) :]
                    steps = " -> ".join(map(repr, [*cycle, p.job_id]))
                    raise self._refusal(f"closed a circle of dependencies: {steps}")
                if p not in finished:
                    path[p] = None
                    stack.append(iter(self._ahead(p, added)))
                    break
            else:
                finished.add(path.popitem()[0])
                stack.pop()

    def _ahead(self, job: Job, added: dict[Job, list[Job]]) -> list[Job]:
        ahead = [*job.edges, *added.get(job, ())]
        return [p for p in ahead if p.index == UNSEEN or self._planner.state[p.index] != DONE]

    def _refusal(self, what: str) -> JobContractError:
        return JobContractError(f"{self._generator!r}: the callback {what}.")
