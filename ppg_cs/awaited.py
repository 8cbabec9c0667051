"""Waiting for files that were made on another machine: until they look here as they were announced.

Network file systems cache attributes and directories. Opening a directory and the file makes NFS revalidate both
(close-to-open consistency, nfs(5)), so each look opens before it stats.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from ppg_protocol.records import AwaitedFile

_PAUSE_S = 0.005
_PAUSE_MAX_S = 0.5


class AwaitedFileError(OSError):
    """A prerequisite's file did not become visible here as it was announced. Check the mounts of both machines."""


def await_files(files: Sequence[AwaitedFile], timeout_s: float) -> None:
    """Return when all are as announced. Raises AwaitedFileError naming file, host and both stats after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    for file in files:
        pause = _PAUSE_S
        while (seen := _look(file.path)) != (file.size_bytes, file.mtime_ns):
            if time.monotonic() > deadline:
                raise AwaitedFileError(
                    f"{file.path}: made {_where(file)} with {file.size_bytes} bytes, mtime {file.mtime_ns} ns; "
                    f"on {socket.gethostname()} it is {_words(seen)} after {timeout_s:g} s. "
                    f"Do both machines mount the same file system there?"
                )
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE_MAX_S)


def _look(path: str) -> tuple[int, int] | None:
    try:
        os.close(os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC))
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        facts = os.fstat(fd)
        return facts.st_size, facts.st_mtime_ns
    finally:
        os.close(fd)


def _where(file: AwaitedFile) -> str:
    return f"on {file.made_on}" if file.made_on else "elsewhere"


def _words(seen: tuple[int, int] | None) -> str:
    return "missing" if seen is None else f"{seen[0]} bytes, mtime {seen[1]} ns"
