"""A status store in memory, which outlives its master: what was committed stays, the batch that was not is lost.

It keeps to the contract of the real one (test_store_contract).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Row:
    """As the row of the real one."""

    build_id: bytes = b""
    strict: bytes = b""
    content: bytes = b""
    files: bytes = b""
    tombstone: str = ""
    former: str = ""
    sequence: int = 0


Write = tuple[str, tuple[object, ...]]


@dataclass
class Disk:
    """What is durable."""

    rows: dict[str, Row] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    epoch: int = 0


class FakeStore:
    """One opening of a disk."""

    def __init__(self, disk: Disk, session: str) -> None:
        self.disk, self.session = disk, session
        disk.epoch += 1
        self.epoch = disk.epoch
        self._buffer: list[Write] = []

    @property
    def pending(self) -> bool:
        """Is anything buffered?"""
        return bool(self._buffer)

    def tombstone(self, job_id: str, attempt: int) -> None:
        """The attempt is about to start."""
        self._buffer.append(("tombstone", (job_id, f"{attempt}@{self.session}")))

    def restore(self, job_id: str) -> None:
        """The attempt of the last tombstone never started."""
        self._buffer.append(("restore", (job_id,)))

    def record(self, job_id: str, build_id: bytes, strict: bytes, content: bytes, files: bytes) -> None:
        """The job ended well."""
        self._buffer.append(("record", (job_id, build_id, strict, content, files)))

    def set_meta(self, key: str, value: str) -> None:
        """Keep a text."""
        self._buffer.append(("meta", (key, value)))

    def get_meta(self, key: str) -> str | None:
        """A text that was kept."""
        return self.disk.meta.get(key)

    def commit(self) -> None:
        """Make it durable, all of it."""
        for kind, arguments in self._buffer:
            getattr(self, f"_{kind}")(*arguments)
        self._buffer.clear()

    def _tombstone(self, job_id: str, text: str) -> None:
        row = self.disk.rows.get(job_id, Row())
        former = row.former if row.tombstone in ("", text) else row.tombstone
        self.disk.rows[job_id] = replace(row, tombstone=text, former=former)

    def _restore(self, job_id: str) -> None:
        row = self.disk.rows.get(job_id)
        if row is None:
            return
        if row.tombstone and not row.former and not row.sequence:
            del self.disk.rows[job_id]
        else:
            self.disk.rows[job_id] = replace(row, tombstone=row.former)

    def _record(self, job_id: str, build_id: bytes, strict: bytes, content: bytes, files: bytes) -> None:
        self.disk.rows[job_id] = Row(build_id, strict, content, files, sequence=1)

    def _meta(self, key: str, value: str) -> None:
        self.disk.meta[key] = value
