"""Job: what all nodes of a pipegraph have in common for the user who builds it, and for the run that executes it.

Rules (semantics §4). A job belongs to the pipegraph that exists when it is made. Making a job twice with the same id
and class gives the first one; with another class, or another callback, it raises. Edges are kept on the dependant.

The metaclass registers a job once its `__init__` is through, so a constructor that raises leaves no trace, and
subclasses may compute their ids as they like.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ppg_cs.returned import NoResult
from ppg_protocol.errors import JobContractError

from . import util
from .exceptions import CycleError
from .fingerprints import fingerprint_function
from .planner.node import Kind

if TYPE_CHECKING:
    from ppg_cs.tasks import Task

    from .graph import Pipegraph
    from .result import JobResult

UNSEEN = -1
"""Index of a job that is not in the running graph."""
CODE_SUFFIX = "_func"
"""The implicit FunctionInvariant of a job has the job's id and this."""
ALL_CORES = -1
WHOLE_MACHINE = -2


class JobMeta(type):
    """Calling a job class gives the one job of that id."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        graph = util.global_pipegraph
        before = len(graph.by_id) if graph is not None else 0
        try:
            job = type.__call__(cls, *args, **kwargs)
            return job.graph.register(job)
        except BaseException:
            if graph is not None:
                graph.forget_since(before)
            raise


class Job(NoResult, metaclass=JobMeta):
    """A node of the pipegraph. Not made directly; see the job types."""

    kind: ClassVar[Kind]
    paths: tuple[str, ...] = ()
    """Outputs, relative to the pipegraph's directory."""
    kept: tuple[str, ...] = ()
    """Those of them that a temporary job leaves; the last ones."""
    callback: Callable[..., Any] | None = None
    empty_ok = False
    rename_broken = False
    implies_code: ClassVar[bool] = False
    """Has it an implicit FunctionInvariant that is made when somebody asks for it?"""
    early_cutoff: bool | None = None
    """Is this job spared when prerequisites were redone with the same content? None: as the pipegraph says."""
    graph: Pipegraph
    job_id: str
    index: int
    """Position in the running graph."""
    _cores_needed = 1
    _memory_needed = -1
    _ignores_code_changes = False
    _code: Job | None = None
    """The implicit FunctionInvariant, where there is one and somebody asked for it."""
    _implied: Callable[..., Any] | None = None
    """The function of an implicit FunctionInvariant that nobody has asked for."""
    _edges: set[Job] | None = None
    """Prerequisites as declared; see `edges`."""
    _result: JobResult | None = None
    _record: bytes | str | None
    """What the status store holds of it, see `run.former_records`; only while a run begins."""

    def __init__(self, job_id: str | Path) -> None:
        self._begin(util.current_graph(), job_id if type(job_id) is str else checked_id(job_id))

    def _begin(self, graph: Pipegraph, job_id: str) -> None:
        """What every job begins with; `job_id` as it will be."""
        graph.check_open(job_id)
        if not job_id:
            raise JobContractError(f"A {type(self).__name__} needs an id that is not empty.")
        self.graph = graph
        self.job_id = job_id
        if job_id in graph.by_id:
            graph.check_class(self)
        # All of a run is set here, so that no instance grows later, for each that does gets a dict.
        self.index = UNSEEN
        self._edges = None
        self._record = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.job_id!r})"

    def __ppg_fingerprint__(self) -> tuple[str, str]:
        return ("job", self.job_id)

    # ----------------------------------------------------------------------------------------------------------- edges

    @property
    def prerequisites(self) -> set[Job]:
        """What this job depends on directly, its implicit FunctionInvariant included."""
        self.code_invariant()
        if self._edges is None:
            self._edges = set()
        return self._edges

    @property
    def edges(self) -> Collection[Job]:
        """The prerequisites, without an implicit FunctionInvariant that nobody asked for.

        A run of a million jobs needs the value of that, and neither a job nor a set for it.
        """
        return self._edges if self._edges is not None else ()

    def code_invariant(self) -> Job | None:
        """The implicit FunctionInvariant as a job of the pipegraph, None where there is none."""
        return self._code

    def shown_code(self) -> Job | None:
        """The implicit FunctionInvariant just to look at, so it is not made a job of the pipegraph."""
        return self._code

    def connect(self, other: Job) -> None:
        """Make `other` a prerequisite, unchecked."""
        if self._edges is None:
            self._edges = {other}
        else:
            self._edges.add(other)

    def depends_on(self, *others: Any) -> Self:
        """Add prerequisites: jobs, iterables of jobs, None (nothing), or callables that give these when run() starts.

        Raises JobContractError for anything else and for jobs of another pipegraph, CycleError for direct circles.
        """
        self.graph.check_open(self.job_id)
        if len(others) == 1 and isinstance(others[0], Job):
            self._depend(others[0])
            return self
        from .prerequisites import flattened

        flat = tuple(flattened(self, others))
        if [*map(id, flat)] != [*map(id, others)]:
            return self.depends_on(*flat)  # once more, since compound jobs pass on what they are given; iterators end
        for other in flat:
            if isinstance(other, Job):
                self._depend(other)
            else:
                self.graph.late_dependencies.append((self, other))
        return self

    def _depend(self, other: Job) -> None:
        if other in self.edges:
            return
        if other.graph is not self.graph:
            raise JobContractError(
                f"{self!r} can't depend on {other!r}: they belong to two pipegraphs. Make both after the same "
                "new_pipegraph()."
            )
        if other is self:
            raise CycleError([self.job_id])
        if self in other.edges:
            raise CycleError([self.job_id, other.job_id])
        if other.kind == Kind.FINAL and self.kind != Kind.FINAL:
            raise JobContractError(f"{self!r} can't depend on {other!r}: a FinalJob runs after everything else.")
        self.connect(other)
        self.graph.edge_added(self, other)

    def depends_on_params(self, parameters: Any) -> Self:
        """Redo this job when `parameters` (any plain value) change: a ParameterInvariant named after the job."""
        from .jobs.parameter import ParameterInvariant

        return self.depends_on(ParameterInvariant(self.job_id, parameters))

    def depends_on_func(self, name: Any, function: Any = None) -> Self:
        """Redo this job when a function that its callback calls changes.

        `depends_on_func("name", function)`, `depends_on_func(function, "name")` or just the function.
        """
        from .jobs.function import FunctionInvariant

        if not isinstance(name, str):
            name, function = function, name
        if name is None:
            name = getattr(function, "__qualname__", type(function).__qualname__)
        return self.depends_on(FunctionInvariant(f"{self.job_id}_{name}", function))

    def depends_on_file(self, path: str | Path) -> Self:
        """Redo this job when the content of an input file changes."""
        from .jobs.file_invariants import FileChecksumInvariant

        return self.depends_on(FileChecksumInvariant(path))

    def ignore_code_changes(self) -> Self:
        """Do not redo this job because its callback changed.

        It spares this job alone. What a temporary, cached or loading job makes is known by what it is made of, its
        callback included: after a change of that, a standing file of such a job is kept, but what depends on the job is
        redone. For a loading job it has no effect, since it is loaded anew in every run that needs it.
        """
        self.code_invariant()
        self._ignores_code_changes = True
        return self

    def prune(self) -> Self:
        """Leave this job, and everything that depends on it, out of the coming run, as if it had not been written down.

        They are neither run nor failed, and their records and files stay. Settled when run() starts.
        """
        self.graph.prune(self)
        return self

    def unprune(self) -> Self:
        """Take `prune()` back."""
        self.graph.unprune(self)
        return self

    def is_in_dependency_chain(self, other: Job, max_depth: int) -> bool:
        """Is `other` among the prerequisites of this job, at most `max_depth` edges away?"""
        seen: set[Job] = set()
        front = [self]
        for _ in range(max_depth):
            front = list({p for job in front for p in job.prerequisites if p not in seen})
            if other in front:
                return True
            seen.update(front)
        return False

    def __add__(self, other: Any) -> Any:
        from .job_list import JobList

        return JobList([self]) + other

    def __radd__(self, other: Any) -> Any:
        from .job_list import JobList

        return JobList(other) + self

    # ------------------------------------------------------------------------------------------------------- resources

    @property
    def cores_needed(self) -> int:
        """Cores: a positive int, -1 (all of one machine that can be had) or -2 (the whole machine, alone); default 1.

        Setting it raises JobContractError for anything else. What the machine does not have fails the job.
        """
        return self._cores_needed

    @cores_needed.setter
    def cores_needed(self, cores: int) -> None:
        if isinstance(cores, bool) or not isinstance(cores, int) or (cores < 1 and cores not in (-1, -2)):
            raise JobContractError(
                f"{self!r}.cores_needed must be a positive int, -1 (all cores that can be had) or "
                f"-2 (the whole machine, alone), not {cores!r}."
            )
        self._cores_needed = cores

    @property
    def memory_needed(self) -> int:
        """Bytes of memory; -1, the default: don't care.

        Above one core's share of the machine's memory the job counts as several cores. Setting it raises
        JobContractError for anything but an int from -1 on.
        """
        return self._memory_needed

    @memory_needed.setter
    def memory_needed(self, memory_bytes: int) -> None:
        if isinstance(memory_bytes, bool) or not isinstance(memory_bytes, int) or memory_bytes < -1:
            raise JobContractError(f"{self!r}.memory_needed must be a number of bytes or -1, not {memory_bytes!r}.")
        self._memory_needed = memory_bytes

    def use_cores(self, cores: int) -> Self:
        """Set `cores_needed`, and return the job."""
        self.cores_needed = cores
        return self

    # --------------------------------------------------------------------------------------------------------- results

    @property
    def result(self) -> JobResult:
        """How the job fared in this run."""
        from .result import NOT_RUN

        return self._result or NOT_RUN

    @property
    def failed(self) -> bool:
        """Did it fail, or could it not run because something upstream failed?"""
        return self.result.failed

    @property
    def was_run(self) -> bool:
        """Was its callback called in this run?"""
        return self.result.was_run

    @property
    def exception(self) -> BaseException | None:
        """What the callback raised."""
        return self.result.exception

    @property
    def error_reason(self) -> str:
        """One line on why it failed."""
        return self.result.error_reason

    @property
    def stdout(self) -> str:
        """What the job wrote to its standard output (the tail, where it was much)."""
        return self.result.stdout

    @property
    def stderr(self) -> str:
        """What the job wrote to its standard error (the tail, where it was much)."""
        return self.result.stderr

    # ---------------------------------------------------------------------------------------- for the graph and the run

    def definition(self) -> tuple[Any, ...]:
        """What must be equal when the job is made again; callables are compared by fingerprint."""
        return (self.paths,)

    def merge(self, again: Job) -> None:
        """The same job was constructed once more: check that it is, and take over its prerequisites."""
        for mine, other in zip(self.definition(), again.definition(), strict=True):
            if mine is not other and not _same(mine, other):
                raise JobContractError(
                    f"{self!r} was made before, with another definition: {_shown(mine)} then, {_shown(other)} now. "
                    "A job id names one job; give the second one an id of its own."
                )
        for prerequisite in again.edges:
            self._depend(prerequisite)

    def task(self) -> Task:
        """The callable half, for the compute slave. Jobs that never run there have none."""
        raise JobContractError(f"{self!r} is never executed.")


def checked_id(job_id: object) -> str:
    """The id as text; raises JobContractError for anything but str and Path."""
    if isinstance(job_id, str):
        return str(job_id)
    if isinstance(job_id, os.PathLike):
        path = os.fspath(job_id)
        if isinstance(path, str):
            return path
    raise JobContractError(f"A job id must be a str or a pathlib.Path, not {job_id!r} ({type(job_id).__name__}).")


def _same(a: Any, b: Any) -> bool:
    if callable(a) and callable(b):
        return bool(fingerprint_function(a).digest == fingerprint_function(b).digest)
    return bool(a == b)


def _shown(value: Any) -> str:
    code = getattr(value, "__code__", None)
    if code is not None:
        return f"{value.__qualname__} ({code.co_filename}:{code.co_firstlineno})"
    return repr(value)[:200]
