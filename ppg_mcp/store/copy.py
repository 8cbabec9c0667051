"""Reading a store that somebody else may hold, or be about to: a copy of it is made and read.

Rules: the store is opened as a plain file, for reading, and closed again; nothing is locked, written or left beside it.
So a run that starts meanwhile is never refused for us, and a store in a directory that can't be written can be read.
A copy is good if the main file did not change from before to after: the holder only appends to the log, until it moves
that over into the main file as a whole. A frame that was appended by half is passed over by SQLite, by its checksum.

Trap: never in the process that holds the store (see `refusals`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ppg_mcp.store.errors import StatusStoreError
from ppg_mcp.store.history import failed_since
from ppg_mcp.store.reading import Reading
from ppg_mcp.store.refusals import log_path, refuse_unknown
from ppg_mcp.store.schema import add_tables
from ppg_mcp.store.sqlite_errors import translated
from ppg_mcp.store.stored_text import from_sql, to_sql

ATTEMPTS = 20
PAUSE_S = 0.05
_LOG_HEADER_BYTES = 32  # with salts that change whenever the log begins anew: https://www.sqlite.org/fileformat.html


class StoreCopy(Reading):
    """What was committed when the copy was made. Get one by `read_copy`. `path` is that of the store itself."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @property
    def _live(self) -> sqlite3.Connection:
        return self._connection

    def ids(self) -> list[str]:
        """Of all jobs that were ever started."""
        with translated(self.path, "read"):
            return [from_sql(job_id) for (job_id,) in self._live.execute("SELECT job_id FROM jobs")]

    def counts(self) -> tuple[int, int]:
        """The numbers of jobs with a valid record, and of those that were started and did not end well."""
        query = "SELECT coalesce(sum(tombstone = ''), 0), coalesce(sum(tombstone <> ''), 0) FROM jobs"
        with translated(self.path, "read"):
            records, tombstones = self._live.execute(query).fetchone()
        return records, tombstones

    def has_record(self, job_id: str) -> bool | None:
        """Whether the record of a job is valid; None if there is not even a tombstone."""
        with translated(self.path, "read"):
            query = "SELECT tombstone = '' FROM jobs WHERE job_id = ?"
            row = self._live.execute(query, (to_sql(job_id),)).fetchone()
        return bool(row[0]) if row else None

    def was_adopted(self, job_id: str) -> bool:
        """Whether the record of a job is of files that were taken over: no core made them."""
        with translated(self.path, "read"):
            query = "SELECT 1 FROM jobs WHERE job_id = ? AND tombstone = '' AND cores = 0"
            return self._live.execute(query, (to_sql(job_id),)).fetchone() is not None

    def failed_in_last_run(self) -> list[tuple[str, str]]:
        """(job id, error in one line), in the order in which they failed."""
        with translated(self.path, "read"):
            (epoch,) = self._live.execute("SELECT epoch FROM state").fetchone()
            return failed_since(self._live, epoch)


@contextlib.contextmanager
def read_copy(path: Path) -> Iterator[StoreCopy]:
    """A copy of the store at `path`, for as long as the context lasts.

    Raises StatusStoreError if there is none, if it is none of ours, damaged, or changes all the time.
    """
    if not path.exists():
        raise StatusStoreError(f"There is no status store {path}.")
    refuse_unknown(path)
    with tempfile.TemporaryDirectory(prefix="ppg-") as directory, translated(path, "read"):
        copy = Path(directory, "store")
        _copy_whole(path, copy)
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            add_tables(connection)
            yield StoreCopy(path, connection)


def _copy_whole(path: Path, copy: Path) -> None:
    log, log_copy = log_path(path), log_path(copy)
    for _ in range(ATTEMPTS):
        before = _version(path), _log_header(log)
        shutil.copyfile(path, copy)
        try:
            shutil.copyfile(log, log_copy)
        except FileNotFoundError:
            log_copy.unlink(missing_ok=True)
        after = _version(path), _log_header(log)
        if before == after:
            return
        time.sleep(PAUSE_S)
    raise StatusStoreError(f"The status store {path} was being written each time that it was looked at. Ask again.")


def _version(path: Path) -> tuple[int, int, int]:
    facts = os.stat(path)
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _log_header(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            return file.read(_LOG_HEADER_BYTES)
    except FileNotFoundError:
        return b""
