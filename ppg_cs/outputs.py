"""Output files of a job: cleared before its callback, checked, stat'ed and hashed after it, removed when it failed.

Called by the job's own process, and by the supervisor for a job that died after its callback had been reached; by
nobody else, ever. Small files are read with four system calls; the digest is xxh3_128, empty above the cap.
"""

from __future__ import annotations

import os
import stat

import xxhash

from ppg_protocol.errors import JobContractError

_CHUNK_BYTES = 1 << 20
NAME_BYTES_MAX = 255
BROKEN = ".broken"


def clear(paths: tuple[str, ...]) -> None:
    """Unlink what an older execution left. Raises OSError for what can't be removed, a directory for one."""
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def inspect(job_id: str, path: str, empty_ok: bool, hash_cap_bytes: int) -> tuple[int, int, int, bytes]:
    """Fields of the FileStat of an output. Raises JobContractError when it is missing, no file, or empty."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise JobContractError(
            f"{job_id} did not create its output {path}. "
            f"The callback returned without an error, but no such file exists afterwards: "
            f"check the name that it writes to and the directory it is in."
        ) from None
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise JobContractError(f"{job_id}: its output {path} is not a regular file (mode {facts.st_mode:o}).")
        if facts.st_size == 0 and not empty_ok:
            raise JobContractError(
                f"{job_id} left its output {path} empty (0 bytes). If that is what it should do, say empty_ok=True."
            )
        digest = _digest(fd, facts.st_size) if facts.st_size <= hash_cap_bytes else b""
        return facts.st_size, facts.st_mtime_ns, facts.st_ino, digest
    finally:
        os.close(fd)


def _digest(fd: int, size_bytes: int) -> bytes:
    if size_bytes < _CHUNK_BYTES:
        return xxhash.xxh3_128_digest(os.read(fd, size_bytes + 1))
    state = xxhash.xxh3_128()
    buffer = bytearray(_CHUNK_BYTES)
    view = memoryview(buffer)
    while count := os.readv(fd, [buffer]):
        state.update(view[:count])
    return state.digest()


def discard(paths: tuple[str, ...], rename_broken: bool) -> None:
    """Take away what a failed execution wrote: unlinked, or renamed to NAME.broken. What can't be is left alone."""
    for path in paths:
        try:
            if rename_broken:
                os.rename(path, broken_name(path))
            else:
                os.unlink(path)
        except OSError:
            pass


def broken_name(path: str) -> str:
    """PATH.broken, its last component cut so that the name stays within the 255 bytes a file system allows."""
    directory, name = os.path.split(os.fsencode(path))
    return os.fsdecode(os.path.join(directory, name[: NAME_BYTES_MAX - len(BROKEN)] + os.fsencode(BROKEN)))
