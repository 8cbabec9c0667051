"""Whether a store that was just locked has all of its pages.

SQLite finds a file too short on its own as long as there is no write-ahead log. With one it can't tell: after a crash
the last pages may be in the log only, and it reads what is nowhere as zeros; and a last page that was cut is filled up
with zeros in either case. Rules, for pages that the file should have and has not:

- those in the committed part of the log are not missing;
- a page that is there in part was cut off;
- others must be free pages, which SQLite need not write: there are as many, and its own check finds no fault.

The file itself is not opened here, which would drop the lock (see `refusals`); SQLite takes no locks on the log.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from struct import Struct

from ppg_mcp.store.refusals import log_path

_LOG_HEADER = Struct(">16x8s8x")  # https://www.sqlite.org/fileformat.html#the_write_ahead_log
_FRAME_HEADER = Struct(">II8s8x")
_LOCK_BYTE = 0x40000000  # the page with this offset is never written


def find_damage(path: Path, connection: sqlite3.Connection) -> str:
    """What is missing, "" if nothing is. Raises sqlite3.DatabaseError and OSError."""
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    whole_pages, rest_bytes = divmod(path.stat().st_size, page_bytes)
    if whole_pages >= pages:
        return ""
    missing = set(range(whole_pages + 1, pages + 1)) - _pages_in_log(log_path(path), page_bytes)
    missing.discard(_LOCK_BYTE // page_bytes + 1)
    if rest_bytes and whole_pages + 1 in missing:
        return f"page {whole_pages + 1} of {pages} is cut off"
    (free_pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    if len(missing) > free_pages:
        return f"{len(missing)} of {pages} pages are missing"
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone() if missing else ("ok",)
    return "" if verdict == "ok" else f"{len(missing)} of {pages} pages are missing: {verdict}"


def _pages_in_log(log: Path, page_bytes: int) -> set[int]:
    """Numbers of the pages in complete transactions of the log."""
    committed: set[int] = set()
    transaction: set[int] = set()
    with log.open("rb") as file:
        header = file.read(_LOG_HEADER.size)
        if len(header) < _LOG_HEADER.size:
            return committed
        (salt,) = _LOG_HEADER.unpack(header)
        while len(frame := file.read(_FRAME_HEADER.size + page_bytes)) == _FRAME_HEADER.size + page_bytes:
            page, pages_after_commit, frame_salt = _FRAME_HEADER.unpack_from(frame)
            if frame_salt != salt:
                break
            transaction.add(page)
            if pages_after_commit:
                committed |= transaction
                transaction.clear()
    return committed
