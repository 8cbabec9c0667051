"""Pipegraph: the jobs of one run, while the user builds it, and the front door to running it.

Life: BUILDING until `run()`, RUNNING in it, OVER afterwards; GENERATING only in the compute slave's copy of the graph
while the callback of a generating job extends it, which is recorded to be merged by the master (see `generate`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ppg_protocol.errors import JobContractError

from .job import CODE_SUFFIX, Job, checked_id
from .own_files import own_files
from .places import Places
from .planner.node import Kind

if TYPE_CHECKING:
    from .cluster.settings import ClusterSettings
    from .jobs.acceptance import Acceptance

STATUS_FILENAME = ".pypipegraph_status_robust"
NAME_BYTES_MAX = 255


class Phase(Enum):
    """Where in its life a pipegraph is."""

    BUILDING = "being built"
    RUNNING = "running"
    GENERATING = "being extended"
    OVER = "over"


_BUILDING = Phase.BUILDING  # asked for each job, and looking it up in the class takes longer than to compare it


@dataclass(slots=True)
class Recording:
    """What a generating callback did to the graph."""

    jobs: dict[Job, None] = field(default_factory=dict)
    """In the order in which they were made."""
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
    cluster: ClusterSettings | None = None


class Pipegraph:
    """Made by `new_pipegraph()`. `jobs` maps ids to jobs, `directory` is what relative paths are relative to."""

    def __init__(self, directory: Path, status_file: Path, cache_folder: str, options: Options) -> None:
        self.directory = directory
        self._prefix = str(directory).rstrip("/") + "/"
        self.status_file = status_file
        own = own_files(directory, status_file, options.log_file)
        self._own_files = {self.relative(path): purpose for path, purpose in own.items()}
        """What the engine does with each; see `own_files`."""
        self.cache_folder = cache_folder
        self.options = options
        self.phase = Phase.BUILDING
        self.was_started = False
        """Was run() called, if only to look?"""
        self.by_id: dict[str, Job] = {}
        """All jobs but implicit FunctionInvariants that nobody asked for; see `jobs`."""
        self._writers: dict[str, Job] = {}
        """Of outputs whose path is not the id of their job; see `writer`."""
        self._watchers: dict[str, Job] = {}
        """Invariants on input files, by each file."""
        self._places = self._new_places()
        self._made_by_pid = os.getpid()
        self._has_code_names = False
        """Has some job an id that an implicit FunctionInvariant could have?"""
        self._implying: list[Job] = []
        """Jobs with an implicit FunctionInvariant that may not have been made yet."""
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

    def __getstate__(self) -> dict[str, Any]:
        """As it travels to other machines: without the jobs, which follow in pieces (see `pieces`)."""
        empty: dict[str, Any] = {
            "by_id": {}, "_writers": {}, "_watchers": {}, "_places": None, "_implying": [], "late_dependencies": [],
            "pruning": {}, "left_out": {}, "recording": None, "order": [],
        }  # fmt: skip
        return {**self.__dict__, **empty}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._places = self._new_places()

    def _new_places(self) -> Places:
        """They know the directories of the engine's own files."""
        places = Places(self.absolute)
        places.know(self._own_files)
        return places

    @property
    def jobs(self) -> dict[str, Job]:
        """All jobs by their ids, implicit FunctionInvariants included."""
        while self._implying:
            self._implying.pop().code_invariant()
        return self.by_id

    # ------------------------------------------------------------------------------------------------------- building

    def check_open(self, job_id: object) -> None:
        """Raise JobContractError unless jobs and edges may be added now."""
        if self.phase is _BUILDING or self.phase is Phase.GENERATING:
            return
        if self.is_copy_of_a_run:
            raise JobContractError(
                f"{job_id!r}: the callback of a job can't make or connect jobs; this is for the script, or for the "
                "callback of a JobGeneratingJob or DependencyInjectionJob."
            )
        raise JobContractError(
            f"{job_id!r}: this pipegraph is {self.phase.value}, and a pipegraph runs once. "
            "Call new_pipegraph() before making or connecting jobs."
        )

    def check_runnable(self) -> None:
        """Raise JobContractError unless run() may be called now."""
        if self.is_copy_of_a_run:
            raise JobContractError(
                "run() was called by the callback of a job, while the pipegraph of this job is running. Remove the "
                "call: whatever a generating job makes is run by the run() of the script."
            )
        self.check_open("run()")

    @property
    def is_copy_of_a_run(self) -> bool:
        """Is this the graph as a process of a run in another process, a job for one, inherited it?"""
        return self.phase in (Phase.RUNNING, Phase.GENERATING) and os.getpid() != self._made_by_pid

    def register(self, job: Job) -> Job:
        """Add a job, or give the one that stands under its id already."""
        job_id = job.job_id
        by_id = self.by_id
        known = by_id.get(job_id)
        if known is None and job_id.endswith(CODE_SUFFIX):
            self._has_code_names = True
            known = self.find(job_id)
        if known is not None:
            self.check_class(job)
            known.merge(job)
            return known
        writers, watchers, own, one_name = self._writers, self._watchers, self._own_files, self._places.with_one_name
        paths = job.paths
        for path in paths:
            if (
                path in writers
                or path in watchers
                or path in own
                or path[: path.rfind("/") + 1] not in one_name
                or (path != job_id and path in by_id)
            ):
                self.check_writer(job, path)
        by_id[job_id] = job
        for path in paths:
            if path != job_id:
                writers[path] = job
        if self.recording is not None:
            self.recording.jobs[job] = None
        if job._implied is not None:
            self._implying.append(job)
            if self._has_code_names and job_id + CODE_SUFFIX in by_id:
                job.code_invariant()
        return job

    def add(self, job: Job) -> None:
        """Enter the job, unchecked."""
        self.by_id[job.job_id] = job
        if job.job_id.endswith(CODE_SUFFIX):
            self._has_code_names = True
        for path in job.paths:
            if path != job.job_id:
                self._writers[path] = job

    def writer(self, path: str) -> Job | None:
        """The job that makes this file, relative to `directory`; there is one at most."""
        job = self.by_id.get(path)
        return job if job is not None and path in job.paths else self._writers.get(path)

    @property
    def writers(self) -> dict[str, Job]:
        """All outputs, relative to `directory`, and the jobs that make them."""
        return {path: job for job in self.by_id.values() for path in job.paths}

    def imply(self, code: Job, implying: Job) -> Job:
        """Add the implicit FunctionInvariant of a job, or give the one that stands under its id already; at any time.

        In a compute slave, that of an older job is nothing new to the master.
        """
        known = self.by_id.setdefault(code.job_id, code)
        if known is not code:
            self.check_class(code)
            known.merge(code)
        elif self.recording is not None and (
            implying in self.recording.jobs or self.by_id.get(implying.job_id) is not implying
        ):
            self.recording.jobs[code] = None
        return known

    def find(self, job_id: str) -> Job | None:
        """The job of that id, if there is one."""
        job = self.by_id.get(job_id)
        if job is None and job_id.endswith(CODE_SUFFIX):
            implying = self.by_id.get(job_id[: -len(CODE_SUFFIX)])
            if implying is not None:
                implying.code_invariant()
                job = self.by_id.get(job_id)
        return job

    def check_writer(self, job: Job, path: str) -> None:
        """Raise JobContractError if this file is one of the engine's own, or another job writes it, be it under another
        name (see `places`).
        """
        own = path if path in self._own_files else self._places.other_name(path, self._own_files.__contains__)
        if own is not None:
            raise JobContractError(f"{job!r} would write {path!r}, where this pipegraph {self._own_files[own]}")
        writer = self.writer(path)
        if writer is not None and writer is not job:
            raise JobContractError(
                f"{job!r} would write {path!r}, which {writer!r} writes already. Let one of them write another file."
            )
        if path in self._watchers:
            self._refuse_watching(self._watchers[path], path, job)
        other_name = self._places.other_name(path, self.writer)
        if other_name is None and len(job.paths) > 1:
            other_name = self._places.other_name(path, job.paths.__contains__)
        if other_name is not None:
            writer = self.writer(other_name) or job
            raise JobContractError(
                f"{job!r} would write {path!r}, which {writer!r} writes already as {other_name!r}: "
                f"symbolic links make both {os.path.realpath(self.absolute(path))}. Use one name for it."
            )

    def watch(self, invariant: Job, paths: Sequence[str]) -> None:
        """These are input files. Raises JobContractError where a job makes one of them."""
        for path in paths:
            writer = self.writer(path)
            if writer is not None:
                self._refuse_watching(invariant, path, writer)
        for path in paths:
            self._watchers.setdefault(path, invariant)

    def _refuse_watching(self, invariant: Job, path: str, writer: Job) -> NoReturn:
        raise JobContractError(
            f"{invariant!r} can't watch {path!r}, which {writer!r} makes: invariants are evaluated before anything "
            "runs, so it would see the file of an earlier run. Depend on the job instead."
        )

    def check_places(self) -> None:
        """Raise JobContractError if two outputs are one file, by the symbolic links of this moment."""
        former, self._places = self._places, self._new_places()
        if self._places.are_ambiguous(former.directories):
            for path, job in self.writers.items():
                self.check_writer(job, path)

    def check_class(self, job: Job) -> None:
        """Raise JobContractError if the id belongs to a job of another class."""
        known = self.by_id.get(job.job_id)
        if known is not None and type(known) is not type(job):
            raise JobContractError(
                f"The id {job.job_id!r} belongs to a {type(known).__name__} already, "
                f"so it can't name a {type(job).__name__} too."
            )

    def forget_since(self, count: int) -> None:
        """A constructor raised: drop the jobs that it had made on its way, all after the first `count`.

        Implicit invariants of older jobs, which came to light meanwhile, stay.
        """
        older: list[Job] = []
        while len(self.by_id) > count:
            _, job = self.by_id.popitem()
            implying = self.by_id.get(job.job_id.removesuffix(CODE_SUFFIX))
            if implying is not None and implying._code is job:
                older.append(job)
                continue
            if job in self._implying:
                self._implying.remove(job)
            for path in job.paths:
                self._writers.pop(path, None)
            if job.kind == Kind.INVARIANT:
                self._watchers = {path: watcher for path, watcher in self._watchers.items() if watcher is not job}
            if self.recording is not None:
                del self.recording.jobs[job]
        for code in older:
            if code.job_id.removesuffix(CODE_SUFFIX) in self.by_id:
                self.by_id[code.job_id] = code
            elif self.recording is not None:
                del self.recording.jobs[code]

    def let_go(self) -> None:
        """At the end of the process: drop all jobs, unless a thread still runs them.

        Jobs and their pipegraph refer to each other. The interpreter's last garbage collections would go over all that
        such a circle holds several times, which takes longer than to free it.
        """
        if self.phase in (Phase.BUILDING, Phase.OVER):
            for jobs in (self.order, self._implying, self.late_dependencies):
                jobs.clear()
            for jobs_of in (self._writers, self._watchers, self.pruning, self.left_out, self.by_id):
                jobs_of.clear()

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

    def relative(self, path: str | Path) -> str:
        """The path as it is used in ids: normalised, relative to the directory of the pipegraph if it is below it."""
        name = path if type(path) is str else checked_id(path)
        if not name:
            raise JobContractError("An empty string is no file name.")
        if "\0" in name:
            raise JobContractError(f"{name!r} is no file name: it holds a NUL character.")
        if not name.isascii() or len(name) > NAME_BYTES_MAX:
            _check_bytes(name)
        if name[0] == "/" or "//" in name or "./" in name or name[-1] in "/.":
            name = _normalised(name)
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

        self.was_started = True
        run(self, dry_run=dry_run)


def _normalised(name: str) -> str:
    if name[name.rfind("/") + 1 :] in ("", ".", ".."):
        raise JobContractError(f"{name!r} names a directory; a job's output or input must be a file.")
    return os.path.normpath(name)


def _check_bytes(name: str) -> None:
    """Raise JobContractError for what no file system takes."""
    try:
        parts = os.fsencode(name).split(b"/")
    except UnicodeEncodeError as error:
        raise JobContractError(
            f"{name!r} is no file name: its character {error.start} can't be encoded as {error.encoding}."
        ) from None
    longest = max(map(len, parts))
    if longest > NAME_BYTES_MAX:
        raise JobContractError(
            f"{name!r} is no file name: a part of it has {longest} bytes, and file systems take {NAME_BYTES_MAX}."
        )
