"""Pipegraph: the jobs of one run, while the user builds it, and the front door to running it.

Life: BUILDING until `run()`, RUNNING in it, OVER afterwards; GENERATING only in the compute slave's copy of the graph
while the callback of a generating job extends it, which is recorded to be merged by the master (see `generate`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppg_protocol.errors import JobContractError

from .job import Job, checked_id

if TYPE_CHECKING:
    from .jobs.acceptance import Acceptance

STATUS_FILENAME = ".pypipegraph_status_robust"


class Phase(Enum):
    """Where in its life a pipegraph is."""

    BUILDING = "being built"
    RUNNING = "running"
    GENERATING = "being extended"
    OVER = "over"


@dataclass(slots=True)
class Recording:
    """What a generating callback did to the graph."""

    jobs: list[Job] = field(default_factory=list)
    edges: list[tuple[Job, Job]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Options:
    """What `new_pipegraph` was told; see there."""

    quiet: bool
    dump_graph: bool
    interactive: bool
    log_file: str | None
    log_level: int
    adopt: bool
    early_cutoff: bool
    max_cores: int | None


class Pipegraph:
    """Made by `new_pipegraph()`. `jobs` maps ids to jobs, `directory` is what relative paths are relative to."""

    def __init__(self, directory: Path, status_file: Path, cache_folder: str, options: Options) -> None:
        self.directory = directory
        self._prefix = str(directory).rstrip("/") + "/"
        self.status_file = status_file
        self.cache_folder = cache_folder
        self.options = options
        self.phase = Phase.BUILDING
        self.jobs: dict[str, Job] = {}
        self.writers: dict[str, Job] = {}
        """Invariant: every output path of every job, relative to `directory`, and the one job that writes it."""
        self.late_dependencies: list[tuple[Job, Callable[[], Any]]] = []
        self.pruning: dict[Job, None] = {}
        """What the user pruned."""
        self.left_out: dict[Job, Job] = {}
        """Jobs that have no part in the present run, and the pruned job behind each."""
        self.recording: Recording | None = None
        self.acceptances: dict[str, Acceptance] = {}
        """What ParameterInvariants remember of earlier runs; generating jobs look here as well."""
        self.order: list[Job] = []
        """Jobs by their index in the run."""

    # ------------------------------------------------------------------------------------------------------- building

    def check_open(self, job_id: object) -> None:
        """Raise JobContractError unless jobs and edges may be added now."""
        if self.phase is Phase.BUILDING or self.phase is Phase.GENERATING:
            return
        raise JobContractError(
            f"{job_id!r}: this pipegraph is {self.phase.value}, and a pipegraph runs once. "
            "Call new_pipegraph() before making or connecting jobs."
        )

    def register(self, job: Job) -> Job:
        """Add a job, or give the one that stands under its id already."""
        known = self.jobs.get(job.job_id)
        if known is not None:
            self.check_class(job)
            known.merge(job)
            return known
        for path in job.paths:
            writer = self.writers.get(path)
            if writer is not None:
                raise JobContractError(f"{job!r} would write {path!r}, which {writer!r} writes already.")
        for path in job.paths:
            self.writers[path] = job
        self.jobs[job.job_id] = job
        if self.recording is not None:
            self.recording.jobs.append(job)
        return job

    def check_class(self, job: Job) -> None:
        """Raise JobContractError if the id belongs to a job of another class."""
        known = self.jobs.get(job.job_id)
        if known is not None and type(known) is not type(job):
            raise JobContractError(
                f"The id {job.job_id!r} belongs to a {type(known).__name__} already, "
                f"so it can't name a {type(job).__name__} too."
            )

    def forget_since(self, count: int) -> None:
        """A constructor raised: drop the jobs that it had made on its way, all after the first `count`."""
        while len(self.jobs) > count:
            _, job = self.jobs.popitem()
            for path in job.paths:
                del self.writers[path]
            if self.recording is not None:
                self.recording.jobs.remove(job)

    def edge_added(self, job: Job, prerequisite: Job) -> None:
        """Called for every new edge."""
        if self.recording is not None:
            self.recording.edges.append((job, prerequisite))

    def prune(self, job: Job) -> None:
        """Leave the job out of the coming run; inside a generating callback only jobs that it made itself."""
        self._check_prunable(job)
        self.pruning[job] = None

    def unprune(self, job: Job) -> None:
        """Take `prune` back."""
        self._check_prunable(job)
        self.pruning.pop(job, None)

    def _check_prunable(self, job: Job) -> None:
        self.check_open(job.job_id)
        if self.recording is not None and job not in self.recording.jobs:
            raise JobContractError(
                f"{job!r} can't be pruned or unpruned inside a generating job: it is older than this callback, and "
                "what is left out is settled when run() starts. Prune the jobs that the callback makes, or this one "
                "before the run."
            )

    def ask_late(self, first: int = 0) -> None:
        """Call what depends_on() was given as callables, from the `first` one on; they may make jobs and add callables.

        If one raises, that one and those after it stay to be asked.
        """
        late = self.late_dependencies
        asked = first
        try:
            while asked < len(late):
                job, callback = late[asked]
                job.depends_on(callback())
                asked += 1
        finally:
            del late[first:asked]

    def relative(self, path: str | Path) -> str:
        """The path as it is used in ids: normalised, relative to the directory of the pipegraph if it is below it."""
        name = path if type(path) is str else checked_id(path)
        if not name:
            raise JobContractError("An empty string is no file name.")
        if "\0" in name:
            raise JobContractError(f"{name!r} is no file name: it holds a NUL character.")
        if name[0] == "/" or "//" in name or "./" in name or name[-1] in "/.":
            if name[-1] == "/":
                raise JobContractError(f"{name!r} names a directory; a job's output must be a file.")
            name = os.path.normpath(name)
            if name.startswith(self._prefix):
                name = name[len(self._prefix) :]
        return name

    def absolute(self, path: str) -> str:
        """The path on disk of one that `relative` gave."""
        return path if path[0] == "/" else self._prefix + path

    def cache_path(self, path: str, folder: str = "") -> str:
        """Where to keep what belongs to a file: under the same path below `folder` of the cache folder, which it never
        leaves."""
        below = os.path.normpath(self.absolute(path)) if path.startswith("../") else path
        return os.path.join(self.cache_folder, folder, below.lstrip("/"))

    # -------------------------------------------------------------------------------------------------------- running

    def run(self, dry_run: bool = False) -> None:
        """Do what needs to be done; see `run_pipegraph`."""
        from .run import run

        run(self, dry_run=dry_run)
