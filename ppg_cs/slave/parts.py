"""Which data process has which part of the task stream (see `ppg_cs.task_stream`). Pure bookkeeping.

Parts are kept in files, in the order in which they came. A successor has what its predecessor had when it was forked; a
generator's successor has made its own part itself.
"""

from __future__ import annotations

Portion = tuple[int, tuple[int, ...]]
"""A part, and the indices of its jobs."""


class Parts:
    """Known parts by number; what living data processes have of them."""

    def __init__(self) -> None:
        self.jobs: dict[int, tuple[int, ...]] = {}
        self._had: dict[int, set[int]] = {}

    def add(self, part: int, jobs: tuple[int, ...]) -> None:
        """A part has come."""
        self.jobs[part] = jobs

    def missing(self, process: int) -> tuple[Portion, ...]:
        """What this data process has to load, in order."""
        had = self._had.get(process, set())
        return tuple((part, jobs) for part, jobs in self.jobs.items() if part not in had)

    def fed(self, process: int) -> None:
        """It was told to load all that it lacked."""
        self._had[process] = set(self.jobs)

    def made(self, process: int, part: int) -> None:
        """It made this part."""
        self._had.setdefault(process, set()).add(part)

    def inherit(self, successor: int, predecessor: int) -> None:
        """It is about to be forked."""
        self._had[successor] = set(self._had.get(predecessor, ()))

    def forget(self, process: int) -> None:
        """It is gone."""
        self._had.pop(process, None)
