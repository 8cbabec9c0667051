"""The tables of the store, format 1, and how a new store comes to be.

    jobs          one compact row per job that ever ran, all of it read at the start of a run
    inputs        the inputs of a job, msgpack; read only to tell why a job runs, so apart from `jobs`
    checksums     checksums of files of invariants, kept while size, mtime and ctime stand
    descriptions  human-readable parts of values, by their fingerprint; only ever added to
    places        where the file of each RobustFileChecksumInvariant was last, and its identity in records
    acceptances   what ParameterInvariants with an `accept_as_unchanged_func` compare with
    meta          text by key, for the run loop
    state         one row: what this package itself has to remember between holders
    history       the last executions of each job (see `history`)

`inputs` in a table of its own, keyed by the row id of the job: with 25 inputs a job, one table for both was 415 MB
instead of 229 for 100,000 jobs, loaded in 0.25 s instead of 0.17 from a warm page cache (all of the 415 MB from a
cold one), and a tombstone would rewrite the inputs of its job, megabytes of them with 100,000 inputs. WITHOUT ROWID
gained nothing in loading, and inserts in random order waited twice as long for the disk. (Prototypes, not kept.)
Names of hosts are repeated in each row: a few bytes of some 500.

`jobs.sequence` grows with every record, never to be used again: 0 is a tombstone without a record. `jobs.former` is
the tombstone that the present one replaced (see `writes`).

Tables that came after the first stores of format 1 are made at opening (`ADDITIONS`); a version that does not know
them leaves them alone.

Anyone may read a store with the sqlite3 shell while no pipegraph holds it. No SQLite feature after 3.24 is used.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

APPLICATION_ID = 0x50504753  # "PPGS"
FORMAT = 1

_TABLES = """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        job_id NOT NULL UNIQUE,
        build_id BLOB NOT NULL,
        inputs_strict BLOB NOT NULL,
        inputs_content BLOB NOT NULL,
        files BLOB NOT NULL,
        runtime_s REAL NOT NULL,
        peak_rss_bytes INTEGER NOT NULL,
        tombstone TEXT NOT NULL,
        former TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        cores INTEGER NOT NULL,
        host NOT NULL,
        finished_at REAL NOT NULL
    );
    CREATE TABLE inputs (job INTEGER PRIMARY KEY REFERENCES jobs (id), packed BLOB NOT NULL);
    CREATE TABLE checksums (
        path NOT NULL PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        checksum BLOB NOT NULL
    );
    CREATE TABLE descriptions (fingerprint BLOB NOT NULL PRIMARY KEY, detail BLOB NOT NULL);
    CREATE TABLE meta (key NOT NULL PRIMARY KEY, value NOT NULL);
    CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        synced INTEGER NOT NULL,
        suspect INTEGER NOT NULL,
        clean INTEGER NOT NULL,
        boot_id TEXT NOT NULL
    );
    INSERT INTO state VALUES (1, 0, 0, 0, 0, 1, '');
"""

ADDITIONS = (
    """
    CREATE TABLE IF NOT EXISTS history (
        job NOT NULL,
        number INTEGER NOT NULL,
        ended_at REAL NOT NULL,
        runtime_s REAL NOT NULL,
        peak_rss_bytes INTEGER NOT NULL,
        cores INTEGER NOT NULL,
        host NOT NULL,
        error NOT NULL,
        reason NOT NULL,
        changes BLOB NOT NULL,
        PRIMARY KEY (job, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS places (
        path NOT NULL PRIMARY KEY,
        identity NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        checksum BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS acceptances (
        job_id NOT NULL PRIMARY KEY,
        digest BLOB NOT NULL,
        representative BLOB NOT NULL,
        accepted INTEGER NOT NULL,
        parameters BLOB NOT NULL
    )
    """,
)


def add_tables(connection: sqlite3.Connection) -> None:
    """Make the tables that a store of an earlier version lacks, within the open transaction."""
    for statement in ADDITIONS:
        connection.execute(statement)


def create_store(path: Path, temporary: Path) -> None:
    """Make an empty store at `path`, whole or not at all; an existing file is left alone.

    It is built as `temporary`, in the same directory, and linked into place, so a crash leaves no half of a store, and
    of two that create it at once one wins. Raises OSError and sqlite3.DatabaseError.
    """
    try:
        _build(temporary)
        link_into_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _fsync_directory(path.parent)


def _build(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(
            f"BEGIN; {_TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; COMMIT"
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def link_into_place(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless another one has it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            os.rename(temporary, path)


def _fsync_directory(directory: Path) -> None:
    """Where that is possible, as SQLite does: not every file system can, and who can't list a directory may not."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
