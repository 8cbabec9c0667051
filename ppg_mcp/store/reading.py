"""What can be read of a store, row by row: the same for its holder and for a copy (`copy`)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ppg_mcp.fingerprints import in_words
from ppg_mcp.store.errors import StatusStoreError
from ppg_mcp.store.history import Execution, executions_of
from ppg_mcp.store.record import Input, unpack_inputs
from ppg_mcp.store.source_text import unpacked_source
from ppg_mcp.store.sqlite_errors import hint, translated
from ppg_mcp.store.stored_text import from_sql, to_sql, unpack


def writer_key(path: str) -> str:
    """Under which the writer of a file is kept."""
    return f"writer@{path}"


class Reading:
    """Needs `path` and `_live`, an open connection. Every method raises StatusStoreError on I/O trouble and damage."""

    path: Path

    @property
    def _live(self) -> sqlite3.Connection:
        raise NotImplementedError

    def inputs_of(self, job_id: str) -> tuple[Input, ...]:
        """The inputs that the job's record (or former record) names, in the order recorded; empty without a record."""
        query = "SELECT packed FROM inputs WHERE job = (SELECT id FROM jobs WHERE job_id = ?)"
        packed = self._one(query, to_sql(job_id))
        if packed is None:
            return ()
        try:
            return unpack_inputs(packed)
        except ValueError as error:
            raise self._damaged(f"the inputs of {job_id!r}") from error

    def description(self, fingerprint: bytes) -> dict[str, str] | None:
        """The parts of the value with this fingerprint in words, None if it was never described."""
        packed = self._one("SELECT detail FROM descriptions WHERE fingerprint = ?", fingerprint)
        if packed is None:
            return None
        try:
            return in_words(dict(unpack(packed)))
        except (ValueError, TypeError) as error:
            raise self._damaged(f"the description of {fingerprint.hex()}") from error

    def source(self, code: bytes) -> str:
        """The source text of the code with this digest, "" if none was kept."""
        packed = self._one("SELECT detail FROM descriptions WHERE fingerprint = ?", code)
        if packed is None:
            return ""
        try:
            return unpacked_source(packed)
        except ValueError as error:
            raise self._damaged(f"the source {code.hex()}") from error

    def executions_of(self, job_id: str) -> list[Execution]:
        """The job's last executions, the newest first."""
        with translated(self.path, "read"):
            try:
                return executions_of(self._live, job_id)
            except ValueError as error:
                raise self._damaged(f"the history of {job_id!r}") from error

    def writer_of(self, path: str) -> str | None:
        """The job that keeps a file which its id does not name, None if that is not known."""
        return self.get_meta(writer_key(path))

    def get_meta(self, key: str) -> str | None:
        """The text stored under the key, None if there is none. Keys "run_directory@…" and "writer@…" are the store's
        own."""
        value = self._one("SELECT value FROM meta WHERE key = ?", to_sql(key))
        return None if value is None else from_sql(value)

    def _one(self, query: str, key: str | bytes) -> bytes | None:
        with translated(self.path, "read"):
            row = self._live.execute(query, (key,)).fetchone()
        return row[0] if row else None

    def _damaged(self, what: str) -> StatusStoreError:
        return StatusStoreError(f"The status store {self.path} is damaged: {what} can't be read. {hint(self.path)}")
