"""Writes that wait for their commit, sorted by statement: of whatever kind there are many, one call executes all.

Rules:

- What is written of one job is executed in the order in which it came, and what the statements of another job do does
  not matter to it. So the writes of a *section* are sorted by statement (`writes.ORDER`), and a job whose next write
  would come too late in that order begins another section, which is executed after this one. A job that runs once
  never does.
- Writes without a job (checksums, descriptions, …) are in tables of their own, and in order within each.

A call for each write instead, in the order in which they came: 3 us more per job, of 20 (`commits.py` in
benchmarks/programs).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ppg_mcp.store.writes import ORDER, RANK, Statement, Value

Rows = Sequence[tuple[Value, ...]]


class Buffer:
    """`len` is the number of writes."""

    def __init__(self) -> None:
        self._length = 0
        self._sections: list[list[list[tuple[Value, ...]]]] = []
        self._section: list[list[tuple[Value, ...]]] = []
        self._rank_of: dict[str, int] = {}
        """How far each job has come in the newest section."""
        self.clear()

    def __len__(self) -> int:
        return self._length

    def add(self, job_id: str | None, statements: Sequence[Statement]) -> None:
        """At the end."""
        for sql, values in statements:
            rank = RANK[sql]
            if job_id is not None:
                if rank < self._rank_of.get(job_id, 0):
                    self._begin_section()
                self._rank_of[job_id] = rank
            self._section[rank].append(values)
        self._length += len(statements)

    def groups(self) -> Iterator[tuple[str, Rows]]:
        """SQL, and the values to execute it with, in the order to do so."""
        for section in self._sections:
            for sql, rows in zip(ORDER, section, strict=True):
                if rows:
                    yield sql, rows

    def clear(self) -> None:
        """Forget everything."""
        self._length = 0
        self._sections.clear()
        self._begin_section()

    def _begin_section(self) -> None:
        self._section = [[] for _ in ORDER]
        self._sections.append(self._section)
        self._rank_of.clear()
