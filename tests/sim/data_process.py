"""A data process, as far as it matters who forked it, what it knows and what it holds."""

from __future__ import annotations

from ppg_cs import instructions as do

from .project import Task


class DataProcess:
    """`key`: of the load or the generator that it is made for; 0 once it took over. `parent`: what it was forked from.

    `tasks`: those that it has, by job; `made`: those that it generated, which have no numbers yet; `data`: bytes by
    job; `cores`: what it loads or generates with; `ends`: of its jobs; `reliefs`: orders by the end that they wait for.
    """

    def __init__(self, number: int, key: int = 0, parent: int = 0, cores: int = 0) -> None:
        self.number, self.key, self.parent, self.cores = number, key, parent, cores
        self.is_retired = False
        self.tasks: dict[int, Task] = {}
        self.made: list[Task] = []
        self.data: dict[int, int] = {}
        self.ends = 0
        self.reliefs: dict[int, do.StartJob] = {}
        self.said_until = 0.0
        """When the last of what it has said of its jobs is heard."""

    def fork(self, number: int, key: int, cores: int) -> DataProcess:
        """One that has what this one has."""
        successor = DataProcess(number, key, self.number, cores)
        successor.tasks, successor.data = dict(self.tasks), dict(self.data)
        return successor
