"""The status store: what earlier runs did, so that this one needn't. SQLite, held by one process at a time.

Rules:

1. What was committed stays: write-ahead log, one transaction and one fsync (synchronous=FULL) per commit(). Writes are
   buffered in order and executed together, so a commit that fails leaves nothing behind and loses nothing: the buffer
   is kept for the next one. commit(durable=False) is for results on which nothing rests yet: they outlive this process,
   and the next durable commit brings them to the disk, and with them what explains them (descriptions, history).
2. Readers see what was committed, never what is buffered.
3. One holder at a time (`opening`, `holder`, `open_stores`). Single-threaded; never to be touched after a fork.
4. `epoch` grows by one with every open, durably, before anything else is done: sessions of one project are in order.
5. A run directory stays on record until the next one replaces it, so that whoever comes after a crash, or after a
   crash of that one, finds what the dead left running. Set a new one only when the previous is dealt with.
6. Every record has a sequence number; `state` has the last one, but for what was not committed durably. `mark_synced`
   says up to which the outputs are on disk. If a holder ends without close(clean=True) and the boot id is another one
   at the next open, the records after that mark are suspect (`unsynced`), and they stay so over further crashes until
   `mark_synced` or a clean close.

Invariant: the write-ahead log holds no page that is in the main file already, save in the middle of a checkpoint: it
is moved over as a whole and truncated. (With SQLite's own checkpoints, a log that lost its tail would bring old
versions of some pages back over newer ones of others.)

Figures here and in `schema` are for 100,000 jobs on 2 cores: `python benchmarks/status_store.py`.

Rejected: journal_mode=DELETE (two more fsyncs per commit), a log file of our own (recovery, compaction and locking to
write and to test again), writing rows as they come into an open transaction (a failed commit would lose them).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ppg_mcp.fingerprints import Description
from ppg_mcp.store import open_stores, writes
from ppg_mcp.store.buffer import Buffer, Rows
from ppg_mcp.store.errors import StatusStoreError
from ppg_mcp.store.history import Execution
from ppg_mcp.store.holder import Holder, remove_holder, write_holder
from ppg_mcp.store.host_facts import HostFacts
from ppg_mcp.store.opening import close_untouched, ensure_exists, scanning, take
from ppg_mcp.store.putting_back import is_in_place, put_back
from ppg_mcp.store.reading import Reading, writer_key
from ppg_mcp.store.record import Input, Record, pack_inputs
from ppg_mcp.store.refusals import log_path
from ppg_mcp.store.schema import add_tables
from ppg_mcp.store.source_text import packed_source
from ppg_mcp.store.sqlite_errors import hint, translated
from ppg_mcp.store.stored_text import from_sql, pack, to_sql
from ppg_mcp.store.unfinished import remove_unfinished

MAX_BUFFERED = 4_000_000
"""Statements. A run loop commits every few; only forgetting or adopting a million jobs at once comes near it."""

LOG_LIMIT_BYTES = 8 << 20
"""Beyond this a durable commit moves the log into the main file. 4 MiB cost 9 us a job in checkpoints, 16 cost 5."""

_PACKED = "CAST(build_id || inputs_strict || inputs_content || files AS BLOB)"
_LOAD = f"SELECT job_id, {_PACKED}, runtime_s, tombstone FROM jobs"
_HELD = f"SELECT job_id, CASE tombstone WHEN '' THEN {_PACKED} ELSE tombstone END, runtime_s FROM jobs"


class StatusStore(Reading):
    """One open store. Get one by `open`, end it by `close`. Every method raises StatusStoreError on I/O trouble."""

    epoch: int
    session: str
    """16 random hex digits, other ones with each open."""
    previous_run_directory: str
    """Where the last holder on this machine kept its sockets and markers, "" if there was none. It may be gone."""
    unsynced: frozenset[str]
    """Jobs whose outputs may have been lost in a reboot: compare them with size and hash (rule 6)."""
    is_behind: bool
    """The last holder did not close it: what it made may not be on disk yet, wherever that is."""
    warnings: list[str]
    """For the user: about the open, and after `close` about that."""

    def __init__(self, path: Path, facts: HostFacts) -> None:
        """For `open` only."""
        self.path = path
        self.session = os.urandom(8).hex()
        self.warnings = []
        self._facts = facts
        self._log = log_path(path)
        self._identity: open_stores.Identity | None = None
        self._connection: sqlite3.Connection | None = None  # Invariant: None once closed, and in forked children
        self._buffer = Buffer()
        self._sequence = 0  # the last one given out
        self._committed = 0  # the last one committed
        self._executions = 0  # in this session
        self._synced = True  # what was committed is on disk
        self._is_full = True  # SQLite's setting `synchronous`

    # ------------------------------------------------------------------------------------------------ open and close

    @classmethod
    def open(cls, path: Path, facts: HostFacts | None = None) -> StatusStore:
        """Open the store for this process, creating it if there is none.

        Raises StoreInUseError if another process, or another store object of this one, holds it; StatusStoreError if
        the file is none of ours, of another format, or damaged, or can't be written. The file is left as it was then.
        """
        store = cls(Path(os.path.realpath(path)), facts or HostFacts.of_this_process())
        with translated(store.path, "open"):
            ensure_exists(store.path, store._facts)
            store._identity = open_stores.claim(store.path, store._abandon)
            try:
                store._connection, former = take(store.path, store._facts)
                store._begin(former)
            except BaseException:
                store._give_up()
                raise
        return store

    def _begin(self, former: Holder | None) -> None:
        """Start the session in the transaction that took the lock."""
        self._start_epoch()
        add_tables(self._live)
        here = former is not None and former.is_on(self._facts)
        self.previous_run_directory = (former.run_directory if former and here else "") or (
            self.get_meta(self._run_directory_key) or ""
        )
        if former is not None and not here:
            self.warnings.append(
                f"The status store {self.path} was held by {former}, which did not close it. Its lock was free, so "
                "that run is taken to be over. If it is not, stop it: two runs would write the same files."
            )
        write_holder(self.path, Holder.of(self._facts, self.previous_run_directory))
        self._live.execute("COMMIT")

    def _start_epoch(self) -> None:
        connection = self._live
        row = connection.execute("SELECT epoch, sequence, synced, suspect, clean, boot_id FROM state").fetchone()
        if row is None:
            raise StatusStoreError(f"The status store {self.path} is damaged: its state is missing. {hint(self.path)}")
        epoch, sequence, synced, suspect, clean, boot_id = row
        if epoch == 0 or not clean:
            remove_unfinished(self.path, self._facts)
        self.epoch = epoch + 1
        if not clean:
            (recorded,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM jobs").fetchone()
            sequence = max(sequence, recorded)
        self._sequence = self._committed = sequence
        self.is_behind = not clean and sequence > synced
        if not clean and boot_id != self._facts.boot_id:
            suspect = sequence
        connection.execute(
            "UPDATE state SET epoch = ?, suspect = ?, clean = 0, boot_id = ?",
            (self.epoch, suspect, self._facts.boot_id),
        )
        self.unsynced = self._recorded_between(synced, suspect) if suspect > synced else frozenset()

    def _recorded_between(self, after: int, until: int) -> frozenset[str]:
        rows = self._live.execute("SELECT job_id FROM jobs WHERE sequence > ? AND sequence <= ?", (after, until))
        return frozenset(from_sql(job_id) for (job_id,) in rows)

    def close(self, clean: bool = True) -> None:
        """Commit, and give the store back; a second call does nothing.

        `clean`: all outputs are on disk (syncfs ran after the last job, and `unsynced` was dealt with). If the commit
        fails, StatusStoreError is raised when the store is closed, and what was buffered is lost.
        """
        if self._connection is None:
            return
        try:
            if clean:
                self._write(None, writes.clean())
            self.commit()
            self._checkpoint()
            self._stay_in_place()
        finally:
            self._live.close()
            self._release()

    def _stay_in_place(self) -> None:
        """See `putting_back`."""
        assert self._identity is not None
        with translated(self.path, "put back"):
            if not is_in_place(self.path, self._identity):
                put_back(self.path, self._live)
                self.warnings.append(
                    f"The status store {self.path} was removed during the run. It was written again with all that it "
                    "held; find out what removed it."
                )

    def _give_up(self) -> None:
        """End an open that failed."""
        if self._connection is not None:
            close_untouched(self.path, self._connection)
        self._release()

    def _release(self) -> None:
        """The lock is gone before the holder file is, so that a successor on a file system without locks sees it.

        A holder file that can't be removed does no harm: its process will be dead.
        """
        self._connection = None
        self._buffer.clear()
        if self._identity is not None:
            open_stores.release(self._identity)
        try:
            remove_holder(self.path, self._facts)
        except OSError:
            pass

    def _abandon(self) -> sqlite3.Connection | None:
        """In a forked child: see `open_stores`."""
        connection, self._connection = self._connection, None
        return connection

    def descriptors(self) -> tuple[int, ...]:
        """Of the store and its log: a child that never needs them should close them."""
        paths = {str(self.path), str(self._log)}
        return tuple(fd for fd in map(int, os.listdir("/proc/self/fd")) if _opened(fd) in paths)

    @property
    def _live(self) -> sqlite3.Connection:
        assert self._connection is not None, (
            "the store is closed, or this is a forked child of the process that holds it"
        )
        return self._connection

    def set_run_directory(self, path: str | Path) -> None:
        """Name the directory of this session, at once (commits), before anything is started in it (rule 5).

        Without an fsync: nothing that is started there outlives the system.
        """
        self.set_meta(self._run_directory_key, str(path))
        self.commit(durable=False)
        with translated(self.path, "write the holder file of"):
            write_holder(self.path, Holder.of(self._facts, str(path)))

    @property
    def _run_directory_key(self) -> str:
        return f"run_directory@{self._facts.host}"

    # -------------------------------------------------------------------------------------------------------- reading

    def load(self) -> dict[str, Record]:
        """All jobs, tombstones included, by job id."""
        with translated(self.path, "read"), scanning(self._live):
            return {from_sql(job_id): Record(*fields) for job_id, *fields in self._live.execute(_LOAD)}

    def records(self) -> Iterator[tuple[str, bytes | str, float]]:
        """What a run begins with: of each job its id, its record (`Record.packed`) or the text of its tombstone, and
        the runtime that was recorded last.

        Bytes, a text and a number cost the garbage collector nothing, however many there are.
        """
        with translated(self.path, "read"), scanning(self._live):
            for row in self._live.execute(_HELD):
                yield row if row[0].__class__ is str else (from_sql(row[0]), *row[1:])

    def checksums(self) -> dict[str, tuple[int, int, int, bytes]]:
        """By path: size in bytes, mtime and ctime in ns at which the checksum was taken, and the checksum."""
        with translated(self.path, "read"):
            rows = self._live.execute("SELECT path, size, mtime_ns, ctime_ns, checksum FROM checksums").fetchall()
        return {from_sql(row[0]): row[1:] for row in rows}

    def places(self) -> dict[str, tuple[str, int, bytes]]:
        """By path: the identity of the RobustFileChecksumInvariant whose file was there last, its size and checksum."""
        with translated(self.path, "read"):
            rows = self._live.execute("SELECT path, identity, size, checksum FROM places").fetchall()
        return {from_sql(path): (from_sql(identity), size, checksum) for path, identity, size, checksum in rows}

    def path_of(self, identity: str) -> str | None:
        """Where the file with this identity was last, None if there is no such identity."""
        path = self._one("SELECT path FROM places WHERE identity = ?", to_sql(identity))
        return None if path is None else from_sql(path)

    def acceptances(self) -> dict[str, tuple[bytes, bytes, bool, bytes]]:
        """By job id: see `ppg_mcp.jobs.acceptance`, whose fields these are."""
        query = "SELECT job_id, digest, representative, accepted, parameters FROM acceptances"
        with translated(self.path, "read"):
            rows = self._live.execute(query).fetchall()
        return {from_sql(row[0]): (row[1], row[2], bool(row[3]), row[4]) for row in rows}

    # -------------------------------------------------------------------------------------- writing, up to the buffer

    def tombstone(self, job_id: str, attempt: int) -> None:
        """The attempt is about to start: the record is not to be believed until the next `record`."""
        self._write(job_id, writes.tombstone(job_id, f"{attempt}@{self.session}"))

    def restore(self, job_id: str) -> None:
        """The attempt of the last tombstone is confirmed never to have started: the job is what it was before that.

        A row that had an older tombstone keeps that one: then an earlier attempt may have touched the outputs.
        """
        self._write(job_id, writes.restore(job_id))

    def record(
        self,
        job_id: str,
        *,
        build_id: bytes,
        inputs: Sequence[Input],
        inputs_strict: bytes,
        inputs_content: bytes,
        files: bytes,
        runtime_s: float,
        peak_rss_bytes: int,
        cores: int,
        host: str,
        finished_at: float,
    ) -> None:
        """The job ended well. `finished_at` in seconds since 1970, the rest as in `Record`."""
        blobs = (bytearray(build_id), bytearray(inputs_strict), bytearray(inputs_content), bytearray(files))
        fields = (*blobs, runtime_s, peak_rss_bytes, self._next(), cores, to_sql(host), finished_at)
        self._write(job_id, writes.record(job_id, fields, pack_inputs(tuple(inputs))))

    def update_files(self, job_id: str, files: bytes) -> None:
        """The files were acquitted: same content, new stats. A job without a record stays without one."""
        self._write(job_id, writes.update_files(job_id, files, self._next()))

    def update_inputs(self, job_id: str, inputs: Sequence[Input], inputs_strict: bytes, inputs_content: bytes) -> None:
        """The job's inputs were rebuilt with the same content, and it was spared. It must have a record."""
        self._write(job_id, writes.update_inputs(job_id, inputs_strict, inputs_content, pack_inputs(tuple(inputs))))

    def forget(self, job_id: str) -> None:
        """As if the job had never run."""
        self._write(job_id, writes.forget(job_id))

    def remember_checksum(self, path: str, size: int, mtime_ns: int, ctime_ns: int, checksum: bytes) -> None:
        """The file's checksum, good while size (bytes), mtime and ctime stand."""
        self._write(None, writes.checksum(path, size, mtime_ns, ctime_ns, checksum))

    def remember_place(self, path: str, identity: str, size: int, checksum: bytes) -> None:
        """The file with this identity is at `path` now, and no longer where it was before."""
        self._write(None, writes.place(path, identity, size, checksum))

    def remember_acceptance(
        self, job_id: str, digest: bytes, representative: bytes, accepted: bool, parameters: bytes
    ) -> None:
        """What the parameters of this run are compared with in the next one."""
        self._write(None, writes.acceptance(job_id, digest, representative, accepted, parameters))

    def describe(self, fingerprint: bytes, description: Description) -> None:
        """Keep the parts of a value, to tell later which of them differs. The first description stays."""
        self._write(None, writes.describe(fingerprint, pack(description)))

    def keep_source(self, code: bytes, text: str) -> None:
        """Keep the source text of code by its digest, to show later what changed. The first text stays."""
        self._write(None, writes.describe(code, packed_source(text)))

    def executed(self, job_id: str, execution: Execution, first: bool = False) -> None:
        """Remember an execution; after the job's record, if it gets one. `first`: nothing was remembered of it yet."""
        self._executions += 1
        number = (self.epoch << 32) + self._executions
        self._write(job_id, writes.executed(job_id, number, execution.fields(), first))

    def remember_writer(self, path: str, job_id: str) -> None:
        """The job keeps a file which its id does not name."""
        self.set_meta(writer_key(path), job_id)

    def set_meta(self, key: str, value: str) -> None:
        """Keep a text."""
        self._write(None, writes.meta(key, value))

    @property
    def sequence(self) -> int:
        """Number of the last committed record."""
        return self._committed

    def mark_synced(self, sequence: int | None = None) -> None:
        """The outputs of all committed records (up to `sequence`, if syncfs ran beside later commits) are on disk.

        Not to be called before `unsynced` is dealt with, nor before what another holder left (`is_behind`) is on disk.
        """
        self._write(None, writes.synced(self._committed if sequence is None else sequence))

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _write(self, job_id: str | None, statements: Sequence[writes.Statement]) -> None:
        if len(self._buffer) >= MAX_BUFFERED:
            raise StatusStoreError(
                f"More than {MAX_BUFFERED} writes wait for a commit to the status store {self.path}. If commits fail, "
                "the run has to end; if none was tried, that is a bug of pypipegraph."
            )
        self._buffer.add(job_id, statements)

    # ------------------------------------------------------------------------------------------------------ durability

    @property
    def pending(self) -> bool:
        """Whether anything is buffered that a commit would write, durable or not."""
        return self._buffer.presses

    @property
    def is_durable(self) -> bool:
        """Whether all that was ever written here is on disk."""
        return self._synced and not self._buffer

    def commit(self, durable: bool = True) -> None:
        """Make all buffered writes durable, at once or not at all.

        Not `durable`: what they promise survives this process from now on, but not the system (rule 1).

        Raises StatusStoreError (a full disk, say): nothing was written, everything is still buffered. The caller
        tries again later, and starts nothing that the buffered tombstones stand for.
        """
        if self.is_durable or not (durable or self.pending):
            return
        if durable:
            self._buffer.add(None, writes.sequence(self._sequence))
        with translated(self.path, "write to"):
            self._set_synchronous(durable)
            self._synced = False
            _transact(self._live, self._buffer.groups(all_of_it=durable))
        self._buffer.clear(all_of_it=durable)
        self._synced = durable
        self._committed = self._sequence
        if durable and self._log_bytes() > LOG_LIMIT_BYTES:
            self._checkpoint()

    def _set_synchronous(self, is_full: bool) -> None:
        if self._is_full != is_full:
            self._live.execute(f"PRAGMA synchronous = {'FULL' if is_full else 'NORMAL'}")
            self._is_full = is_full

    def _log_bytes(self) -> int:
        try:
            return os.stat(self._log).st_size
        except OSError:
            return 0

    def _checkpoint(self) -> None:
        """Move the log into the main file. If that fails (a full disk) everything is in the log still, which is as
        good, and the next commit tries again."""
        try:
            self._live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError:
            pass


def _transact(connection: sqlite3.Connection, groups: Iterable[tuple[str, Rows]]) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows in groups:
            connection.executemany(sql, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _opened(fd: int) -> str:
    """Path of what is open there, "" if nothing is any more."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""
