"""Removing a status store as a whole, so that everything counts as never done.

Only what is certainly a store of ours, in a format that we know, and held by nobody, is removed: its name comes from a
script, and may be that of something else. The lock is held meanwhile; the log is empty before the store goes, since one
that is left without its store is refused at the next opening.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ppg_mcp.store import open_stores
from ppg_mcp.store.errors import StatusStoreError, StoreInUseError
from ppg_mcp.store.holder import holder_path, read_holder
from ppg_mcp.store.host_facts import HostFacts
from ppg_mcp.store.opening import close_untouched, take
from ppg_mcp.store.refusals import log_path, refuse_foreign
from ppg_mcp.store.sqlite_errors import translated


def remove_store(path: Path) -> bool:
    """Remove the store at `path` with its log and holder file, or what is left of it; False if there was nothing.

    Raises StoreInUseError naming who holds it, and StatusStoreError for what is no store of ours or can't be removed.
    """
    path = Path(os.path.realpath(path))
    with translated(path, "remove"):
        if not path.exists():
            return _remove_rest(path)
        identity = open_stores.claim(path, lambda: None)
        try:
            refuse_foreign(path)
            _remove_held(path)
        finally:
            open_stores.release(identity)
    return True


def _remove_rest(path: Path) -> bool:
    """The store is gone already, its log perhaps not. Somebody who holds it still would be surprised."""
    facts = HostFacts.of_this_process()
    holder = read_holder(path)
    if holder is not None and holder.lives(facts):
        raise StoreInUseError(f"The status store {path} is missing, but {holder} is using it.")
    rest = [file for file in _beside(path) if file.exists()]
    for file in rest:
        file.unlink()
    return bool(rest)


def _remove_held(path: Path) -> None:
    try:
        connection, _ = take(path, HostFacts.of_this_process())
    except StoreInUseError:
        raise
    except (StatusStoreError, sqlite3.DatabaseError):
        _unlink_all(path)  # damaged, and held by nobody: the reason why it is to go
        return
    try:
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        _unlink_all(path)
    finally:
        close_untouched(path, connection)


def _unlink_all(path: Path) -> None:
    path.unlink()
    for file in _beside(path):
        file.unlink(missing_ok=True)


def _beside(path: Path) -> tuple[Path, ...]:
    return log_path(path), path.with_name(path.name + "-shm"), holder_path(path)
