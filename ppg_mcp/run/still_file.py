"""The checksum of an input file, together with the stat that it belongs to.

A file that is written while it is read has a checksum that is true of no moment; remembered with a stat from before or
after, it would stand for content that nobody ever checked. So the file is stat'ed before and after, through the
descriptor that is read and by its name (which may lead to another file by then), and read again when these differ.

Rules: only regular files are read (opening a pipe would wait for a writer for ever, so it is opened without waiting);
memory is bounded whatever the size.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import NamedTuple

ATTEMPTS = 3


class Moment(NamedTuple):
    """While it stays the same, so does the content: no way to write a file leaves its ctime as it was."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int


class StillFile(NamedTuple):
    """What a file was at one moment."""

    moment: Moment
    checksum: bytes


def moment_of(path: str) -> Moment:
    """Raises OSError for what can't be stat'ed and what is no regular file."""
    return _moment(path, os.stat(path))


def read_still(path: str) -> StillFile:
    """The md5 of the file and the moment that it is of. Raises OSError, also for a file that does not stand still."""
    for _ in range(ATTEMPTS):
        facts, checksum = _read(path)
        after = os.stat(path)
        if os.path.samestat(facts, after) and _moment(path, facts) == _moment(path, after):
            return StillFile(_moment(path, facts), checksum)
    raise OSError(
        f"{path!r} changes while it is read ({ATTEMPTS} times in a row): something else writes it. "
        "Wait until that is through, then run again; if a job writes it, depend on that job instead."
    )


def _read(path: str) -> tuple[os.stat_result, bytes]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        facts = os.fstat(fd)
        _moment(path, facts)
        with open(fd, "rb", closefd=False) as file:
            return facts, hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    finally:
        os.close(fd)


def _moment(path: str, facts: os.stat_result) -> Moment:
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(f"{path!r} is not a regular file")
    return Moment(facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
