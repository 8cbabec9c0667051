"""What is remembered of executions: the last ten of each job, however they ended, and why they were begun.

One row per execution. `job` is the row id of the job in `jobs`, or its id itself where it has no row there (loading,
generating and final jobs have no record); `number` is the epoch of the run and a count within it, so that rows of a
job are in order whatever the clock says. A row keeps the reason as a sentence and the fingerprints of the inputs that
had changed, then and now: what these were like is in `descriptions`, once, and not in every row.

Measured (10,000 jobs, batches of 64; CPU per job in commits, 23 to 33 us without history): 3 to 8 us more with
this layout, 20 more with the job's id as the key (pages all over the table are written then), 9 with an index beside
a table in the order of time. Trimming costs 2 us where there is nothing to trim, so it is left out with the first
execution of a job. `JOB_KEY` is an expression and no plain column, because a column would lend its affinity to the
comparison, and the index could not be used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from ppg_mcp.store.stored_text import from_sql, pack, to_sql, unpack

HISTORY_LENGTH = 10
MAX_CHANGES = 20
MAX_REASON_CHARS = 4000
MAX_ERROR_CHARS = 1000

JOB_KEY = "coalesce((SELECT id FROM jobs WHERE job_id = ?), ?)"

_COLUMNS = "ended_at, runtime_s, peak_rss_bytes, cores, host, error, reason, changes"
_OF_JOB = f"SELECT {_COLUMNS} FROM history WHERE job IN ({JOB_KEY}, ?) ORDER BY number DESC LIMIT {HISTORY_LENGTH}"
_FAILED_SINCE = """
    SELECT coalesce((SELECT job_id FROM jobs WHERE id = job), job), error FROM history
    WHERE number >= ? AND error <> '' ORDER BY number
"""


class InputChange(NamedTuple):
    """An input that had changed: its fingerprints (in the reading that counts). `then` is empty for a new input, `now`
    for one that is gone."""

    job_id: str
    then: bytes
    now: bytes


class Execution(NamedTuple):
    """One execution of a job. `ended_at` in seconds since 1970; `error` is one line, "" if it ended well."""

    ended_at: float
    runtime_s: float
    peak_rss_bytes: int
    cores: int
    host: str
    error: str
    reason: str
    changes: tuple[InputChange, ...] = ()

    def fields(self) -> tuple[str | bytes | bytearray | int | float, ...]:
        """As they are bound, each within its bounds."""
        texts = (to_sql(self.host), to_sql(self.error[:MAX_ERROR_CHARS]), to_sql(self.reason[:MAX_REASON_CHARS]))
        changes = bytearray(pack(self.changes[:MAX_CHANGES]) if self.changes else b"")
        return (self.ended_at, self.runtime_s, self.peak_rss_bytes, self.cores, *texts, changes)


def executions_of(connection: sqlite3.Connection, job_id: str) -> list[Execution]:
    """The remembered executions of a job, the last one first. Raises ValueError for a damaged row."""
    return [_execution(row) for row in connection.execute(_OF_JOB, (to_sql(job_id),) * 3)]


def failed_since(connection: sqlite3.Connection, epoch: int) -> list[tuple[str, str]]:
    """(job id, error) of executions that failed in this run or a later one, in order."""
    return [(from_sql(job), from_sql(error)) for job, error in connection.execute(_FAILED_SINCE, (epoch << 32,))]


def _execution(row: Sequence[Any]) -> Execution:
    ended_at, runtime_s, peak_rss_bytes, cores, host, error, reason, changes = row
    try:
        told = tuple(InputChange(*change) for change in unpack(changes)) if changes else ()
    except TypeError as fault:
        raise ValueError(f"damaged changes: {fault}") from fault
    return Execution(
        ended_at, runtime_s, peak_rss_bytes, cores, from_sql(host), from_sql(error), from_sql(reason), told
    )
