"""A store whose file was removed while it was held, by a job or by hand: it is written to its place again at the end.

Nothing is lost then, because the process that holds the store still has the removed file open. Another file that has
come into its place is left alone and the loss is told: whoever put it there, by restoring a backup for one, wants it.

Rejected: looking at every commit (one more system call each, for something that hardly happens), and linking the open
file back by its descriptor (Linux refuses that for a file without names).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from ppg_mcp.store.errors import StatusStoreError
from ppg_mcp.store.open_stores import Identity
from ppg_mcp.store.refusals import log_path
from ppg_mcp.store.schema import link_into_place


def is_in_place(path: Path, identity: Identity) -> bool:
    """Is the file still there? Raises StatusStoreError if it is another one, OSError."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if (found.st_dev, found.st_ino) != identity:
        raise StatusStoreError(
            f"The status store {path} was replaced by another file while this run held it. The new file was left as "
            "it is, so what this run did is in no record. The next run makes again what the new file does not know."
        )
    return True


def put_back(path: Path, connection: sqlite3.Connection) -> None:
    """Write the store to its place, whole or not at all, and close the connection, whose log must be empty.

    Raises StatusStoreError if its directory is gone, OSError and sqlite3.Error.
    """
    if not path.parent.is_dir():
        raise StatusStoreError(
            f"The directory {path.parent} was removed during the run, with the status store {path.name} in it. What "
            "this run did is lost; find out which job did it."
        )
    temporary = path.with_name(f"{path.name}.back-{os.urandom(8).hex()}")
    try:
        with contextlib.closing(sqlite3.connect(temporary)) as copy:
            connection.backup(copy)
        connection.close()
        log_path(path).unlink(missing_ok=True)
        link_into_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
