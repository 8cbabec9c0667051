"""What users want made: a graph of jobs, drawn once, edited between runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from ppg_mcp.planner import Kind

from .files import made
from .store import Disk


@dataclass(eq=False)
class Task:
    """A job, as far as the run looks at it. `version` stands for its code; `fails`: it raises."""

    index: int
    job_id: str
    kind: Kind
    inputs: tuple[int, ...]
    cores_needed: int
    memory_needed: int
    runtime_s: float
    fails: bool = False
    version: int = 0
    error_reason: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Its output, if it has one."""
        return (self.job_id,) if self.kind == Kind.OUTPUT else ()

    def __repr__(self) -> str:
        return self.job_id


@dataclass(eq=False)
class Project:
    """`wanted`: content of each output as of now; "" where it can't be made. `runs_left`: how often it is to be run."""

    name: str
    user: str
    host: str
    tasks: list[Task]
    runs_left: int
    disk: Disk = field(default_factory=Disk)
    is_running: bool = False
    wanted: list[bytes] = field(default_factory=list)
    ended_well: int = 0

    def edit(self, luck: Random) -> None:
        """The user changes the code of some jobs."""
        for task in self.tasks:
            if luck.random() < 0.2:
                task.version += 1

    def work_out(self) -> None:
        """What its files should be."""
        self.wanted = []
        for task in self.tasks:
            inputs = [self.wanted[i] for i in task.inputs]
            self.wanted.append(made(task.job_id, task.version, inputs))


def drawn(luck: Random, name: str, user: str, host: str, size: int, cores: int, runs: int) -> Project:
    """A random project for machines of so many cores."""
    tasks: list[Task] = []
    loads = luck.random() < 0.5
    pace_s = luck.choice((0.05, 0.5, 3.0))
    for index in range(size):
        reach = range(max(0, index - 8), index)
        inputs = tuple(sorted(luck.sample(reach, min(len(reach), luck.choice((0, 1, 1, 2, 3))))))
        kind = Kind.LOADING if loads and luck.random() < 0.15 else Kind.OUTPUT
        wanted = luck.choices((1, min(2, cores), -1, -2), (20, 4, 1, 1))[0]
        memory = luck.choice((0, 0, 1 << 20, 4 << 20))
        if kind == Kind.LOADING:
            memory = 0  # what many of them declare might fit no machine together
        runtime_s = luck.expovariate(1.0) * pace_s + 0.001
        fails = luck.random() < 0.01
        task_id = f"{name}/{index:03}"
        tasks.append(Task(index, task_id, kind, inputs, wanted, memory, runtime_s, fails))
    return Project(name, user, host, tasks, runs)
