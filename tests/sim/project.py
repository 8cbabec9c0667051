"""What users want made: a graph of jobs, drawn once, edited between runs.

It is the whole graph, with what its generating jobs make: those tasks follow their generator. A master knows at first
only what is declared, and the rest by what the generators report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from ppg_mcp.change import Change, JobChange
from ppg_mcp.planner import Kind

from .files import made
from .store import Disk

GENERATES = (Kind.GENERATING, Kind.INJECTING)
WITH_FILES = (Kind.OUTPUT, Kind.TEMPORARY, Kind.CACHED)
ON_DEMAND = (Kind.TEMPORARY, Kind.CACHED, Kind.LOADING)
"""Made only for those that need it."""
LOADS_BYTES = 1 << 20
"""What all loads of a project declare together, where they are not wide: they fit beside any job."""
WIDE = 3
"""How many times larger wide loads are."""
CROWD = 24
SPARE_BYTES = 1 << 19
"""Left by wide loads for those that were not declared."""


@dataclass(eq=False)
class Task:
    """A job, as far as the run looks at it. `version` stands for its code; `fails`: it raises.

    `inputs`: all of them in the end; `injected`: those of them that a generator adds. `made_by`: its generator, or -1.
    """

    index: int
    job_id: str
    kind: Kind
    inputs: tuple[int, ...]
    cores_needed: int = 1
    memory_needed: int = 0
    runtime_s: float = 0.0
    fails: bool = False
    version: int = 0
    made_by: int = -1
    injected: tuple[int, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Its file, if it makes one."""
        return (self.job_id,) if self.kind in WITH_FILES else ()

    def __repr__(self) -> str:
        return self.job_id


class Tasks(list[Task]):
    """A graph: tasks by their index in it."""

    @property
    def declared(self) -> list[Task]:
        """What the script makes."""
        return [task for task in self if task.made_by < 0]

    def made_by(self, generator: Task) -> list[Task]:
        """What a generating job makes."""
        return [task for task in self if task.made_by == generator.index]

    def change(self, generator: Task | None) -> Change:
        """What a generating job did, or the script, as it is reported."""
        tasks = self.declared if generator is None else self.made_by(generator)
        injects = generator is not None and generator.kind == Kind.INJECTING
        return Change([self._as_change(task) for task in tasks], [], [t.job_id for t in tasks] if injects else [])

    def _as_change(self, task: Task) -> JobChange:
        return JobChange(
            job_id=task.job_id,
            kind=task.kind,
            type_name=task.kind.name,
            inputs=sorted(self[i].job_id for i in task.inputs if i not in task.injected),
            paths=list(task.paths),
            kept=[],
            empty_ok=False,
            cores=task.cores_needed,
            memory=task.memory_needed,
            early_cutoff=None,
            masked="",
            value=b"",
            description={},
            warnings=[],
            watched=[],
            acceptance=[],
            pruned=False,
        )


@dataclass(eq=False)
class Order:
    """What a session was started to make. `wanted`: contents of outputs; `standing`: what is not to be done again."""

    project: Project
    tasks: Tasks
    wanted: list[bytes]
    standing: frozenset[str]

    def __post_init__(self) -> None:
        self.by_id = {task.job_id: task for task in self.tasks}

    def dependants(self, task: Task, is_through: Callable[[Task], bool] = lambda _: False) -> list[Task]:
        """Who may yet need what a task makes: those of its dependants that are not through, and the dependants of those
        among them that are made on demand. Not final jobs: these need nothing that is made on demand."""
        found: dict[int, Task] = {}
        stack = [task]
        while stack:
            index = stack.pop().index
            for one in self.tasks:
                if index in one.inputs and one.kind != Kind.FINAL and one.index not in found and not is_through(one):
                    found[one.index] = one
                    stack += [one] if one.kind in ON_DEMAND else []
        return list(found.values())


@dataclass(eq=False)
class Project:
    """`runs_left`: how often it is to be run. `basis`: of what each committed record was made, see `judge`. `cut_off`:
    sessions whose last writes a power cut may have taken."""

    name: str
    user: str
    host: str
    tasks: Tasks
    runs_left: int
    disk: Disk = field(default_factory=Disk)
    is_running: bool = False
    ended_well: int = 0
    basis: dict[str, tuple[object, ...]] = field(default_factory=dict)
    cut_off: set[str] = field(default_factory=set)

    @property
    def next_session(self) -> str:
        """How the next one will be called."""
        return f"{self.name}-{self.disk.epoch + 1}"

    def lose_power(self, session: str, luck: Random) -> int:
        """In this session. Returns how many of its commits are lost."""
        self.cut_off.add(session)
        return self.disk.lose_power(luck)

    def edit(self, luck: Random) -> None:
        """The user changes the code of some jobs."""
        for task in self.tasks:
            if luck.random() < 0.2:
                task.version += 1

    def order(self, standing: frozenset[str]) -> Order:
        """As of now."""
        wanted: list[bytes] = []
        for task in self.tasks:
            wanted.append(made(task.job_id, task.version, [wanted[i] for i in task.inputs]))
        return Order(self, Tasks(replace(task) for task in self.tasks), wanted, standing)


def drawn(
    luck: Random, name: str, user: str, host: str, size: int, cores: int, runs: int, memory_bytes: int | None = None
) -> Project:
    """A random project for machines of so many cores. With `memory_bytes` its loads are wide: they do not fit there
    together, but each job with its own."""
    return Project(name, user, host, _Draft(luck, name, size, cores, memory_bytes).tasks, runs)


def vary(project: Project, luck: Random) -> None:
    """Of the outputs that others need some become temporaries or caches, and final jobs come to the others."""
    tasks = project.tasks
    used = {i for task in tasks for i in task.inputs}
    for task in tasks:
        if task.kind == Kind.OUTPUT and task.index in used:
            task.kind = luck.choices((Kind.OUTPUT, Kind.TEMPORARY, Kind.CACHED), (4, 4, 1))[0]
    for _ in range(luck.choice((0, 1, 2))):
        known = [task.index for task in tasks.declared]
        inputs = tuple(sorted(luck.sample(known, min(len(known), luck.choice((0, 1, 3))))))
        job_id, runtime_s = f"/{project.name}/{len(tasks):03}", luck.expovariate(1.0)
        tasks.append(Task(len(tasks), job_id, Kind.FINAL, inputs, runtime_s=runtime_s, fails=luck.random() < 0.05))


def crowd(project: Project, luck: Random) -> None:
    """Many short jobs come to the others, of which some need data that is loaded."""
    tasks = project.tasks
    loads = [task.index for task in tasks.declared if task.kind == Kind.LOADING]
    for _ in range(CROWD):
        inputs = (luck.choice(loads),) if loads and luck.random() < 0.5 else ()
        job_id, runtime_s = f"/{project.name}/{len(tasks):03}", luck.expovariate(1.0) * 0.02
        tasks.append(Task(len(tasks), job_id, Kind.OUTPUT, inputs, runtime_s=runtime_s, fails=luck.random() < 0.01))


class _Draft:
    """Draws a graph."""

    def __init__(self, luck: Random, name: str, size: int, cores: int, memory_bytes: int | None) -> None:
        self.tasks = Tasks()
        self._luck, self._name, self._cores, self._memory_bytes = luck, name, cores, memory_bytes
        self._loads, self._generates = luck.random() < 0.5, luck.random() < 0.4
        self._loads_bytes = LOADS_BYTES
        self._pace_s = luck.choice((0.05, 0.5, 3.0))
        while len(self.tasks) < size:
            task = self._add(self._kind(), self._inputs())
            if task.kind in GENERATES:
                for _ in range(luck.randint(1, 3)):
                    self._add(Kind.OUTPUT, self._inputs(task), task.index)

    def _kind(self) -> Kind:
        if self._generates and self._luck.random() < 0.15:
            return self._luck.choice(GENERATES)
        return Kind.LOADING if self._loads and self._luck.random() < 0.15 else Kind.OUTPUT

    def _inputs(self, generator: Task | None = None) -> tuple[int, ...]:
        """Of a declared task, or of one that a generator makes, which may need what that has made before."""
        known = [task.index for task in self.tasks[-12:] if self._is_known(task, generator)][-8:]
        return tuple(sorted(self._luck.sample(known, min(len(known), self._luck.choice((0, 1, 1, 2, 3))))))

    @staticmethod
    def _is_known(task: Task, generator: Task | None) -> bool:
        if generator is None:
            return task.made_by < 0
        return task.made_by == generator.index or (task.made_by < 0 and task.kind not in GENERATES)

    def _add(self, kind: Kind, inputs: tuple[int, ...], made_by: int = -1) -> Task:
        luck, index = self._luck, len(self.tasks)
        generators = [self.tasks[i] for i in inputs if self.tasks[i].kind == Kind.INJECTING]
        injected = tuple(t.index for t in self.tasks if any(t.made_by == one.index for one in generators))
        task = Task(
            index,
            f"/{self._name}/{index:03}",
            kind,
            tuple(sorted({*inputs, *injected})),
            luck.choices((1, min(2, self._cores), -1, -2), (20, 4, 1, 1))[0],
            luck.choice((0, 0, 0, 1, 2, 3, 4)) << 20,
            luck.expovariate(1.0) * self._pace_s + 0.001,
            luck.random() < 0.01,
            made_by=made_by,
            injected=injected,
        )
        if kind == Kind.LOADING:
            task.cores_needed, task.memory_needed = 1, self._load_bytes(luck.choice((0, 1 << 19, 1 << 20)))
        if self._memory_bytes is not None:
            self._fit(task, self._memory_bytes - SPARE_BYTES)
        self.tasks.append(task)
        return task

    def _load_bytes(self, wanted: int) -> int:
        if self._memory_bytes is not None:
            return WIDE * wanted
        granted = min(self._loads_bytes, wanted)
        self._loads_bytes -= granted
        return granted

    def _fit(self, task: Task, memory_bytes: int) -> None:
        """It needs no more than this with its data."""
        while (own_bytes := sum(self.tasks[i].memory_needed for i in self._loads_of(task))) > memory_bytes:
            task.inputs = tuple(i for i in task.inputs if i != max(self._loads_of(task).intersection(task.inputs)))
        task.memory_needed = min(task.memory_needed, memory_bytes - own_bytes)

    def _loads_of(self, task: Task) -> set[int]:
        """All that must be in memory for it."""
        direct = [self.tasks[i] for i in task.inputs if self.tasks[i].kind == Kind.LOADING]
        return {one.index for one in direct}.union(*(self._loads_of(one) for one in direct))
