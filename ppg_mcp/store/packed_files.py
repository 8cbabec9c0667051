"""The stats of a job's outputs as one bytes object, in the order of the outputs.

Each file takes 41 bytes, little endian: size (8), mtime in ns (8), inode (8, unsigned), digest (16, zeros if none),
length of the digest (1: 0 or 16). Fixed width, so that the null run, which compares only size and mtime of every
file, reads them without making an object per file. Rejected: msgpack (no fixed offsets, all fields of all files
or nothing), and a row per file (the table of files would be as large as that of jobs, joined at every start).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg_protocol.records import FileStat

DIGEST_BYTES = 16

_FILE = Struct("<qqQ16sB")
FILE_BYTES = 41
assert _FILE.size == FILE_BYTES


def pack_files(files: Sequence[FileStat]) -> bytes:
    """The stats in the order given. Digests must have 0 or 16 bytes."""
    return b"".join(map(_pack_file, files))


def _pack_file(file: FileStat) -> bytes:
    length = len(file.digest)
    assert length in (0, DIGEST_BYTES), file
    return _FILE.pack(file.size_bytes, file.mtime_ns, file.inode, file.digest, length)


def unpack_files(packed: bytes) -> tuple[FileStat, ...]:
    """What `pack_files` packed."""
    from ppg_protocol.records import FileStat  # which a run with nothing to do has no use for

    return tuple(
        FileStat(size_bytes, mtime_ns, inode, digest[:length])
        for size_bytes, mtime_ns, inode, digest, length in _FILE.iter_unpack(packed)
    )


first_file: Callable[..., tuple[int, int]] = Struct("<qq").unpack_from
"""(size in bytes, mtime in ns) of the file that begins at `at` of what was packed: first_file(packed, at=0)."""
