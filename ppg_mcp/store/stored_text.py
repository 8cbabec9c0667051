"""Text as it is stored: any Python string, lone surrogates included, comes back as it was.

Job ids are paths, and `os.fsdecode` turns a file name that is not UTF-8 into a string with lone surrogates, which
SQLite's TEXT can't hold. Rule: what UTF-8 can encode is stored as TEXT, anything else as a BLOB of WTF-8
("surrogatepass", which is total). The two never collide, because SQLite never calls a TEXT and a BLOB equal; columns
that hold such values are declared without an affinity, so that neither is converted.

Rejected: BLOB for everything, which costs a decode in Python per id and makes ids unreadable in the sqlite3 shell;
"surrogateescape", which fails on surrogates that did not come from file names.
"""

from __future__ import annotations

from typing import Any

import msgpack


def to_sql(text: str) -> str | bytes:
    """What to bind for `text`."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_sql(stored: str | bytes) -> str:
    """The text that `to_sql` stored."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def pack(value: object) -> bytes:
    """msgpack, for text of any kind."""
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return packed


def unpack(packed: bytes) -> Any:
    """What `pack` packed, arrays as tuples. Raises ValueError when it is damaged."""
    try:
        return msgpack.unpackb(packed, use_list=False, unicode_errors="surrogatepass")
    except (msgpack.UnpackException, TypeError, RecursionError) as error:
        raise ValueError(f"damaged msgpack: {error!r}") from error
