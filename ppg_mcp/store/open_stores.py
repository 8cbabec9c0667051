"""The stores that this process holds, by device and inode.

SQLite keeps its own connections in one process apart, but whoever reads the file by hand in the meantime drops the
locks of the process (see `refusals`). So a second open in this process is refused here, before anything is touched.

Fork: a child inherits the connection, but not the locks, and must never touch it: closing it would move the log into
the store and delete it under the parent. So in every forked child the connections are cut off from their stores and
leaked on purpose, one reference each that is never given back; using such a store fails an assertion.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path

from ppg_mcp.store.errors import StoreInUseError

Identity = tuple[int, int]

_lock = threading.Lock()
_abandon_by_identity: dict[Identity, Callable[[], object]] = {}


def claim(path: Path, abandon: Callable[[], object]) -> Identity:
    """Take the file for one store of this process. `abandon` is called in forked children; it cuts the store off from
    the object that it returns, which is leaked.

    Raises StoreInUseError if this process holds it already, OSError if there is no such file.
    """
    stat = path.stat()
    identity = (stat.st_dev, stat.st_ino)
    with _lock:
        if identity in _abandon_by_identity:
            raise StoreInUseError(
                f"The status store {path} is in use by this very process ({os.getpid()}): a pipegraph that uses it "
                "is still running. Let it end, or give the new one another invariant_status_filename."
            )
        _abandon_by_identity[identity] = abandon
    return identity


def release(identity: Identity) -> None:
    """The store is closed; it may be opened again."""
    with _lock:
        _abandon_by_identity.pop(identity, None)


def leak(thing: object) -> None:
    """Keep an object for as long as the process lives, through the interpreter's own end."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _abandon_all() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it
    for abandon in _abandon_by_identity.values():
        leak(abandon())
    _abandon_by_identity.clear()


os.register_at_fork(after_in_child=_abandon_all)
