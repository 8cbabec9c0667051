"""How a process gets to hold a store: refuse what is not ours, create what is missing, take the lock.

The order matters. The holder file is asked first: a live holder on this machine is refused before SQLite opens the
file, since on a file system without locks the mere opening and closing would take the holder's log away. Then SQLite's
lock is taken, for good (locking_mode=EXCLUSIVE, set before the log is first touched, so that no -shm file is made).

A lock that can't be had while no holder is seen to live belongs to a process that is being killed, which drops its
locks a little later than it stops, or to one on another machine, or to a tool: it is tried again for a second.

Where the file system has no locks (SQLite can't tell that from a lock that is taken), the holder file alone decides,
and a holder on another machine is then refused too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ppg_mcp.store import open_stores
from ppg_mcp.store.errors import StatusStoreError, StoreInUseError
from ppg_mcp.store.holder import Holder, holder_path, read_holder
from ppg_mcp.store.host_facts import HostFacts
from ppg_mcp.store.missing_pages import find_damage
from ppg_mcp.store.refusals import log_path, refuse_foreign, refuse_orphaned_log
from ppg_mcp.store.schema import create_store
from ppg_mcp.store.sqlite_errors import hint
from ppg_mcp.store.unfinished import unfinished_path

LOCK_PATIENCE_S = 1.0
_RETRY_S = 0.02
_CACHE_KIB = 65536  # with SQLite's default of 2 MB, inserts in random order into 100,000 rows read pages again
_SCAN_CACHE_KIB = 1024


def ensure_exists(path: Path, facts: HostFacts) -> None:
    """Create an empty store if there is none. Raises StatusStoreError, OSError and sqlite3.DatabaseError."""
    if not path.parent.is_dir():
        raise StatusStoreError(
            f"The status store {path} can't be created: there is no directory {path.parent}. Create it, or give "
            "another invariant_status_filename."
        )
    if not path.exists():
        refuse_orphaned_log(path)
        create_store(path, unfinished_path(path, facts))


def take(path: Path, facts: HostFacts) -> tuple[sqlite3.Connection, Holder | None]:
    """The connection that holds the lock, in an open transaction, and the holder before us, dead or on another host.

    Raises StoreInUseError, StatusStoreError (not a store of ours), OSError, sqlite3.DatabaseError (damaged).
    """
    refuse_foreign(path)
    locks_work = file_locks_work(path)
    connection = _lock_patiently(path, facts, locks_work)
    try:
        former = _holder_unless_live(path, facts, locks_work)
        _refuse_damaged(path, connection)
    except BaseException:
        close_untouched(path, connection)
        raise
    return connection, former


def close_untouched(path: Path, connection: sqlite3.Connection) -> None:
    """Close without the checkpoint that SQLite makes then, so that a refused store stays as it was.

    A checkpoint into a store that was cut short would also make it look whole. Where Python can't turn it off (3.11),
    the connection is leaked if there is a log: the lock goes when the process ends.
    """
    log = log_path(path)
    if log.exists() and log.stat().st_size > 0:
        if sys.version_info < (3, 12):
            open_stores.leak(connection)
            return
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
    connection.close()


@contextmanager
def scanning(connection: sqlite3.Connection) -> Iterator[None]:
    """Whole tables are read once from end to end: their pages are not kept, which would be memory for nothing."""
    connection.execute(f"PRAGMA cache_size = -{_SCAN_CACHE_KIB}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def file_locks_work(path: Path) -> bool:
    """Whether the file system has POSIX locks at all. Raises OSError. The store must not be open in this process."""
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)  # the first byte: SQLite locks others
        except OSError as error:
            return error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
    return True


def _lock_patiently(path: Path, facts: HostFacts, locks_work: bool) -> sqlite3.Connection:
    give_up = time.monotonic() + LOCK_PATIENCE_S
    while True:
        _holder_unless_live(path, facts, locks_work)
        connection = _try_lock(path, locks_work)
        if connection is not None:
            return connection
        if time.monotonic() >= give_up:
            raise _in_use(path, read_holder(path))
        time.sleep(_RETRY_S)


def _try_lock(path: Path, locks_work: bool) -> sqlite3.Connection | None:
    """None when somebody else has the lock."""
    uri = f"file:{quote(os.fsencode(path))}?mode=rw&vfs={'unix' if locks_work else 'unix-none'}"
    connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            connection.close()
            return None
        close_untouched(path, connection)
        raise
    return connection


def _holder_unless_live(path: Path, facts: HostFacts, locks_work: bool) -> Holder | None:
    """Who held the store before. Raises StoreInUseError if the holder lives, or if neither this machine nor a lock can
    tell: two writers are never risked."""
    holder = read_holder(path)
    if holder is None or holder.is_me(facts):
        return holder
    if holder.lives(facts):
        raise _in_use(path, holder)
    if not locks_work and not holder.is_on(facts):
        raise StoreInUseError(
            f"The status store {path} is held by {holder}, and its file system has no locks that would tell whether "
            f"that process still runs. If it does not, remove {holder_path(path)}; or run on {holder.host}."
        )
    return holder


def _in_use(path: Path, holder: Holder | None) -> StoreInUseError:
    who = str(holder) if holder else "an unknown process (perhaps a tool such as the sqlite3 shell)"
    return StoreInUseError(
        f"The status store {path} is in use by {who}. Two pipegraphs can't share one: wait until that one has ended, "
        "stop it, or give this pipegraph another invariant_status_filename."
    )


def _refuse_damaged(path: Path, connection: sqlite3.Connection) -> None:
    damage = find_damage(path, connection)
    if damage:
        raise StatusStoreError(f"The status store {path} is damaged: {damage}. {hint(path)}")
