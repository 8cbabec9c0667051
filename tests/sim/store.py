"""A status store in memory, which outlives its master. It keeps to the contract of the real one (test_store_contract).

The disk is a log: the writes of a commit, one by one, then its mark. A crash in the middle leaves any number of the
writes, a crash behind the mark all of them; whoever opens the disk next takes what has its mark and drops the rest. A
power cut also takes commits, from the end of the log on, but none before the last durable one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random


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
MARK: Write = ("mark", ())


@dataclass
class Disk:
    """What outlives a process. `rows` and `meta` are the fold of `log`, as far as it is marked; `durable` is the one of
    its first `synced` writes, of which the last is the mark of a durable commit."""

    rows: dict[str, Row] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    epoch: int = 0
    log: list[Write] = field(default_factory=list)
    commits: int = 0
    synced: int = 0
    durable: dict[str, Row] = field(default_factory=dict)

    def open(self) -> None:
        """As after a crash: back to the last mark."""
        self._fold()
        self.epoch += 1
        self.sync()

    def sync(self) -> None:
        """After this, a power cut takes nothing."""
        self.synced, self.durable = len(self.log), dict(self.rows)

    def lose_power(self, luck: Random) -> int:
        """What was not synced is there up to any commit. Returns the number of those that are not."""
        before = self.commits
        marks = [at for at, write in enumerate(self.log, 1) if write == MARK and at > self.synced]
        del self.log[luck.choice([self.synced, *marks]) :]
        self._fold()
        return before - self.commits

    def _fold(self) -> None:
        while self.log and self.log[-1] != MARK:
            self.log.pop()
        self.rows, self.meta, self.commits = {}, {}, 0
        for write in self.log:
            self.apply(write)

    def apply(self, write: Write) -> None:
        """A write of the log."""
        getattr(self, f"_{write[0]}")(*write[1])

    def _mark(self) -> None:
        self.commits += 1

    def _tombstone(self, job_id: str, text: str) -> None:
        row = self.rows.get(job_id, Row())
        former = row.former if row.tombstone in ("", text) else row.tombstone
        self.rows[job_id] = replace(row, tombstone=text, former=former)

    def _restore(self, job_id: str) -> None:
        row = self.rows.get(job_id)
        if row is None:
            return
        if row.tombstone and not row.former and not row.sequence:
            del self.rows[job_id]
        else:
            self.rows[job_id] = replace(row, tombstone=row.former)

    def _record(self, job_id: str, build_id: bytes, strict: bytes, content: bytes, files: bytes) -> None:
        self.rows[job_id] = Row(build_id, strict, content, files, sequence=1)

    def _meta(self, key: str, value: str) -> None:
        self.meta[key] = value


class FakeStore:
    """One opening of a disk. `writing` is called before each write of a commit, before its mark and behind it, and may
    raise."""

    def __init__(self, disk: Disk, session: str, writing: Callable[[], None] = lambda: None) -> None:
        self.disk, self.session, self._writing = disk, session, writing
        disk.open()
        self.epoch = disk.epoch
        self._buffer: list[Write] = []
        self._synced = True

    @property
    def pending(self) -> bool:
        """Is anything buffered?"""
        return bool(self._buffer)

    @property
    def is_durable(self) -> bool:
        """Would all of it be there after a power cut?"""
        return self._synced and not self._buffer

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

    def commit(self, durable: bool = True) -> None:
        """Write it, all of it."""
        if self.is_durable or not (durable or self.pending):
            return
        self._synced = durable
        batch, self._buffer = [*self._buffer, MARK], []
        for write in batch:
            self._writing()
            self.disk.log.append(write)
        for write in batch:
            self.disk.apply(write)
        if durable:
            self.disk.sync()
        self._writing()
