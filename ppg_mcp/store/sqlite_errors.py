"""SQLite's errors as StatusStoreError: message, facts, and what to do, which depends on the kind of error.

Only what the world can cause is translated. ProgrammingError (a closed connection, another thread) is our bug and
passes through.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ppg_mcp.store.errors import StatusStoreError


@contextlib.contextmanager
def translated(path: Path, doing: str) -> Iterator[None]:
    """Raise what SQLite or the system raises within as StatusStoreError. `doing` is a verb for "… the status store"."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        raise StatusStoreError(_explain(path, doing, error)) from error
    except OSError as error:
        raise StatusStoreError(
            f"Failed to {doing} the status store {path}: {error}. Check that the directory {path.parent} exists and "
            "that you may write to it, then run again."
        ) from error


def _explain(path: Path, doing: str, error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorname", "")
    facts = f"Failed to {doing} the status store {path}: {error}{f' ({code})' if code else ''}."
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return f"{facts} Check for a full disk, a quota, a limit on file sizes and failing hardware, then run again."
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return f"{facts} Make the file and its directory {path.parent} writable for you, then run again."
    return f"{facts} {hint(path)}"


def hint(path: Path) -> str:
    """What the user can do about a store that can't be used."""
    return (
        f"Restore it from a backup, or move {path.name} (with {path.name}-wal, if there is one) away and start once "
        "with new_pipegraph(adopt=True), which takes the existing outputs over as current."
    )
