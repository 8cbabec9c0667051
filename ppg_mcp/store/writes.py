"""The writes of the store as SQL, one function per kind; each returns the statements in the order to execute, which is
that of `ORDER` (see `buffer`).

Tombstones: a job without a tombstone gets its record back when the attempt is confirmed never to have started. If it
had a tombstone already, an earlier attempt may have touched the outputs, so `former` remembers that one, and from then
on only a new record makes the row valid again, however often attempts are taken back.

What every job writes is bound as bytearray where it is bytes: for each bytes object sqlite3 looks for an adapter, which
takes as long as all else about it. A job has eight.

Invariant: the statements of a batch may be executed twice in a row with the same result as once (a batch whose commit
was interrupted by a signal is tried again), save that a row may be left with a tombstone where it had a record.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppg_mcp.store.history import HISTORY_LENGTH, JOB_KEY
from ppg_mcp.store.stored_text import to_sql

Value = str | bytes | bytearray | int | float
Statement = tuple[str, tuple[Value, ...]]

_TOMBSTONE = """
    INSERT INTO jobs (job_id, build_id, inputs_strict, inputs_content, files, runtime_s, peak_rss_bytes,
                      tombstone, former, sequence, cores, host, finished_at)
    VALUES (?, x'', x'', x'', x'', 0, 0, ?, '', 0, 0, '', 0)
    ON CONFLICT (job_id) DO UPDATE SET
        former = CASE WHEN tombstone IN ('', excluded.tombstone) THEN former ELSE tombstone END,
        tombstone = excluded.tombstone
"""
_DROP_BARE_TOMBSTONE = "DELETE FROM jobs WHERE job_id = ? AND tombstone <> '' AND former = '' AND sequence = 0"
_CLEAR_TOMBSTONE = "UPDATE jobs SET tombstone = former WHERE job_id = ?"
_RECORD = """
    INSERT INTO jobs (job_id, build_id, inputs_strict, inputs_content, files, runtime_s, peak_rss_bytes,
                      tombstone, former, sequence, cores, host, finished_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?)
    ON CONFLICT (job_id) DO UPDATE SET
        build_id = excluded.build_id, inputs_strict = excluded.inputs_strict,
        inputs_content = excluded.inputs_content, files = excluded.files, runtime_s = excluded.runtime_s,
        peak_rss_bytes = excluded.peak_rss_bytes, tombstone = '', former = '', sequence = excluded.sequence,
        cores = excluded.cores, host = excluded.host, finished_at = excluded.finished_at
"""
_INPUTS = "INSERT OR REPLACE INTO inputs (job, packed) VALUES ((SELECT id FROM jobs WHERE job_id = ?), ?)"
_FILES = "UPDATE jobs SET files = ?, sequence = ? WHERE job_id = ? AND sequence > 0"
_DIGESTS = "UPDATE jobs SET inputs_strict = ?, inputs_content = ? WHERE job_id = ?"
_FORGET_INPUTS = "DELETE FROM inputs WHERE job = (SELECT id FROM jobs WHERE job_id = ?)"
_FORGET = "DELETE FROM jobs WHERE job_id = ?"
_CHECKSUM = "INSERT OR REPLACE INTO checksums (path, size, mtime_ns, ctime_ns, checksum) VALUES (?, ?, ?, ?, ?)"
_PLACE = "INSERT OR REPLACE INTO places (path, identity, size, checksum) VALUES (?, ?, ?, ?)"
_ACCEPTANCE = """
    INSERT OR REPLACE INTO acceptances (job_id, digest, representative, accepted, parameters) VALUES (?, ?, ?, ?, ?)
"""
_DESCRIBE = "INSERT OR IGNORE INTO descriptions (fingerprint, detail) VALUES (?, ?)"
_META = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
_EXECUTED = f"INSERT OR REPLACE INTO history VALUES ({JOB_KEY}, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRIM = f"""
    DELETE FROM history WHERE job = {JOB_KEY} AND number <=
        (SELECT number FROM history WHERE job = {JOB_KEY} ORDER BY number DESC LIMIT 1 OFFSET {HISTORY_LENGTH})
"""
_FORGET_HISTORY = f"DELETE FROM history WHERE job = {JOB_KEY}"
_SYNCED = "UPDATE state SET synced = max(synced, ?)"
_SEQUENCE = "UPDATE state SET sequence = ?"
_CLEAN = "UPDATE state SET clean = 1, synced = sequence"

ORDER = (
    *(_TOMBSTONE, _DROP_BARE_TOMBSTONE, _CLEAR_TOMBSTONE, _RECORD, _FILES, _DIGESTS, _INPUTS, _EXECUTED, _TRIM),
    *(_FORGET_INPUTS, _FORGET_HISTORY, _FORGET),
    *(_CHECKSUM, _PLACE, _ACCEPTANCE, _DESCRIBE, _META, _SEQUENCE, _SYNCED, _CLEAN),
)
RANK = {sql: rank for rank, sql in enumerate(ORDER)}
EXPLAINING = tuple(RANK[sql] for sql in (_EXECUTED, _TRIM, _DESCRIBE))
"""What tells why a job was run. No later run does anything else for want of it."""
FORGETTING = tuple(RANK[sql] for sql in (_FORGET_INPUTS, _FORGET_HISTORY, _FORGET))


def tombstone(job_id: str, text: str) -> Sequence[Statement]:
    """Take the record's promise back."""
    return ((_TOMBSTONE, (to_sql(job_id), text)),)


def restore(job_id: str) -> Sequence[Statement]:
    """Undo the last tombstone."""
    key = (to_sql(job_id),)
    return ((_DROP_BARE_TOMBSTONE, key), (_CLEAR_TOMBSTONE, key))


def record(job_id: str, fields: tuple[Value, ...], inputs: bytes) -> Sequence[Statement]:
    """A job ended well. `fields`: from build id to peak memory as in Record, then sequence, cores, host, end."""
    key = to_sql(job_id)
    return ((_RECORD, (key, *fields)), (_INPUTS, (key, bytearray(inputs))))


def update_files(job_id: str, files: bytes, sequence: int) -> Sequence[Statement]:
    """Other stats for the same content. Without a record nothing happens."""
    return ((_FILES, (files, sequence, to_sql(job_id))),)


def update_inputs(job_id: str, strict: bytes, content: bytes, inputs: bytes) -> Sequence[Statement]:
    """The same inputs by content, rebuilt. For jobs that have a record."""
    key = to_sql(job_id)
    return ((_DIGESTS, (strict, content, key)), (_INPUTS, (key, inputs)))


def forget(job_id: str) -> Sequence[Statement]:
    """Remove all that is known of a job."""
    key = (to_sql(job_id),)
    return ((_FORGET_INPUTS, key), (_FORGET_HISTORY, key * 2), (_FORGET, key))


def checksum(path: str, size: int, mtime_ns: int, ctime_ns: int, checksum: bytes) -> Sequence[Statement]:
    """A checksum holds while the file's stat is this one."""
    return ((_CHECKSUM, (to_sql(path), size, mtime_ns, ctime_ns, checksum)),)


def place(path: str, identity: str, size: int, checksum: bytes) -> Sequence[Statement]:
    """A file is in one place: the one that it had before is forgotten."""
    return ((_PLACE, (to_sql(path), to_sql(identity), size, checksum)),)


def acceptance(
    job_id: str, digest: bytes, representative: bytes, accepted: bool, parameters: bytes
) -> Sequence[Statement]:
    """Of the last parameters only."""
    return ((_ACCEPTANCE, (to_sql(job_id), digest, representative, accepted, parameters)),)


def describe(fingerprint: bytes, detail: bytes) -> Sequence[Statement]:
    """The first description of a fingerprint stays."""
    return ((_DESCRIBE, (bytearray(fingerprint), bytearray(detail))),)


def meta(key: str, value: str) -> Sequence[Statement]:
    """Set a text."""
    return ((_META, (to_sql(key), to_sql(value))),)


def executed(job_id: str, number: int, fields: tuple[Value, ...], first: bool) -> Sequence[Statement]:
    """One more execution, ended well or not; `fields` as in the table. Of the older ones, if this is not known to be
    the `first`, the newest stay."""
    key = to_sql(job_id)
    row = (_EXECUTED, (key, key, number, *fields))
    return (row,) if first else (row, (_TRIM, (key,) * 4))


def synced(sequence: int) -> Sequence[Statement]:
    """Outputs of all records up to this one are on disk."""
    return ((_SYNCED, (sequence,)),)


def sequence(last: int) -> Sequence[Statement]:
    """The last sequence number that was given out."""
    return ((_SEQUENCE, (last,)),)


def clean() -> Sequence[Statement]:
    """The holder ends, and all outputs are on disk. After `sequence`."""
    return ((_CLEAN, ()),)
