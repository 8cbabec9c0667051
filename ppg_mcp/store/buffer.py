"""Writes that wait for their commit, sorted by statement: of whatever kind there are many, one call executes all.

Rules:

- What is written of one job is executed in the order in which it came, and what the statements of another job do does
  not matter to it. So the writes of a *section* are sorted by statement (`writes.ORDER`), and a job whose next write
  would come too late in that order begins another section, which is executed after this one. A job that runs once
  never does.
- Writes without a job (checksums, descriptions, …) are in tables of their own, and in order within each.
- What explains (`writes.EXPLAINING`) may be left for a later commit, unless there is more than one section, or jobs are
  forgotten: then order matters to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ppg_mcp.store.writes import EXPLAINING, FORGETTING, ORDER, RANK, Statement, Value

Rows = list[tuple[Value, ...]]


class Buffer:
    """`len` is the number of writes."""

    def __init__(self) -> None:
        self._sections: list[dict[int, Rows]] = [{}]
        """By rank. Invariant: there is at least one."""
        self._rank_of: dict[str, int] = {}
        """How far each job has come in the last section."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def presses(self) -> bool:
        """Is there more than what may be left?"""
        return len(self._sections) > 1 or any(rank not in EXPLAINING for rank in self._sections[0])

    def add(self, job_id: str | None, statements: Sequence[Statement]) -> None:
        """At the end."""
        for sql, values in statements:
            rank = RANK[sql]
            if job_id is not None:
                if rank < self._rank_of.get(job_id, 0):
                    self._sections.append({})
                    self._rank_of.clear()
                self._rank_of[job_id] = rank
            self._sections[-1].setdefault(rank, []).append(values)
        self._length += len(statements)

    def groups(self, all_of_it: bool = True) -> Iterator[tuple[str, Rows]]:
        """SQL, and the values to execute it with, in the order to do so. `all_of_it`: what may be left, too."""
        left = () if all_of_it else self._may_be_left
        for section in self._sections:
            for rank in sorted(section):
                if rank not in left:
                    yield ORDER[rank], section[rank]

    def clear(self, all_of_it: bool = True) -> None:
        """Forget what `groups` gave."""
        kept = {} if all_of_it else {r: rows for r, rows in self._sections[0].items() if r in self._may_be_left}
        self._sections = [kept]
        self._rank_of.clear()
        self._length = sum(map(len, kept.values()))

    @property
    def _may_be_left(self) -> Sequence[int]:
        section = self._sections[0]
        return EXPLAINING if len(self._sections) == 1 and section.keys().isdisjoint(FORGETTING) else ()
