"""Which files are not ours to open, decided before SQLite sees them.

The header is read by hand, because SQLite writes to what it opens: on closing another application's database it may
move that one's write-ahead log into it. What is refused stays as it was, byte for byte.

Trap: POSIX locks belong to the process, and closing any descriptor of a file drops them all. So the header of a store
that this process holds must never be read here; `open_stores` is asked first. The same goes for any other code of
the process that would read the store as a plain file.
"""

from __future__ import annotations

import os
from pathlib import Path

from ppg_mcp.store.errors import StatusStoreError
from ppg_mcp.store.schema import APPLICATION_ID, FORMAT
from ppg_mcp.store.sqlite_errors import hint

_HEADER_BYTES = 100  # https://www.sqlite.org/fileformat.html#the_database_header
_MAGIC = b"SQLite format 3\0"
_USER_VERSION = slice(60, 64)
_APPLICATION_ID = slice(68, 72)


def refuse_foreign(path: Path) -> None:
    """Raise StatusStoreError unless the file is a store in our format, and writable."""
    refuse_unknown(path)
    if not os.access(path, os.W_OK):
        raise StatusStoreError(f"The status store {path} is not writable for you. Make it so, then run again.")


def refuse_unknown(path: Path) -> None:
    """Raise StatusStoreError unless the file's header is that of a store in our format."""
    if path.exists() and not path.is_file():
        raise StatusStoreError(
            f"{path} is not a file, so it can't be the status store. Give another invariant_status_filename, or move "
            "it away; if there are outputs already, start once with new_pipegraph(adopt=True), which takes them over."
        )
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise StatusStoreError(f"The status store {path} can't be read: {error.strerror}. {hint(path)}") from error
    fault = _fault(header)
    if fault:
        raise StatusStoreError(f"{path} {fault}. It was not touched. {hint(path)}")


def refuse_orphaned_log(path: Path) -> None:
    """Raise StatusStoreError if there is no store but the write-ahead log of one.

    It holds committed records, and SQLite would replay it into a new store, whatever that contains.
    """
    log = log_path(path)
    if not path.exists() and log.exists() and log.stat().st_size > 0:
        raise StatusStoreError(
            f"The status store {path} is missing, but its write-ahead log {log} is there. Put the store back beside "
            f"it, or move {log.name} away as well and start once with new_pipegraph(adopt=True), which takes the "
            "existing outputs over as current."
        )


def log_path(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a store."""
    return path.with_name(path.name + "-wal")


def _fault(header: bytes) -> str:
    """What the header says against the file; "" if nothing."""
    if not header:
        return "is empty, and an empty file is no status store"
    if not header.startswith(_MAGIC):
        return f"is not an SQLite file, hence no status store{_looks_like(header)}"
    if len(header) < _HEADER_BYTES:
        return f"is cut short: only {len(header)} bytes are left"
    if header[_APPLICATION_ID] != APPLICATION_ID.to_bytes(4, "big"):
        return f"is an SQLite database of another application (application id 0x{header[_APPLICATION_ID].hex()})"
    version = int.from_bytes(header[_USER_VERSION], "big")
    if version != FORMAT:
        return f"has format {version} of the status store, this version of pypipegraph reads and writes format {FORMAT}"
    return ""


def _looks_like(header: bytes) -> str:
    """A guess at what a file that is not SQLite may be. A pickle of protocol 2 or later starts with 0x80."""
    return ": it looks like the pickle that pypipegraph 0.x wrote" if header[0] == 0x80 else ""
