"""Output files of a job: cleared before its callback, checked, stat'ed and hashed after it, removed when it failed.

Called by the job's own process, and by the supervisor for a job that died after its callback had been reached; by
nobody else, ever. Only files and symbolic links are ever removed: a directory, a device or a FIFO under the name of an
output was put there by somebody, who is told. Small files are read with four system calls; the digest is xxh3_128,
empty above the cap.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

import xxhash

from ppg_protocol.errors import JobContractError

_CHUNK_BYTES = 1 << 20
NAME_BYTES_MAX = 255
BROKEN = ".broken"
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def standing(job_id: str, paths: tuple[str, ...]) -> list[str]:
    """Those that an older execution left. Raises FileExistsError if one holds what is neither a file nor a link to one:
    it is not ours to remove."""
    found = [path for path in paths if os.access(path, os.F_OK, follow_symlinks=False)]
    for path in found:
        kind = _obstacle(path)
        if kind:
            raise FileExistsError(
                f"{job_id} can't write its output {path}: {kind} is in its place, and stays there. "
                "Move it away, or let the job write another file."
            )
    return found


def _obstacle(path: str) -> str:
    """What is there that must not be removed, in words; empty for files, links to files or to nothing, and nothing."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            mode = os.stat(path).st_mode
            if not stat.S_ISDIR(mode):
                return ""
            return "a symbolic link to a directory"
    except OSError:
        return ""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "something that is no file")


def clear(paths: Iterable[str]) -> None:
    """Unlink what an older execution left; a symbolic link is removed itself. Raises OSError for what can't be."""
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            error.add_note("The file of an earlier run is removed before the job's callback is called.")
            raise


def inspect(job_id: str, path: str, empty_ok: bool, hash_cap_bytes: int) -> tuple[int, int, int, bytes]:
    """Fields of the FileStat of an output. Raises JobContractError when it is missing, no file, or empty."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise JobContractError(
            f"{job_id} did not create its output {path}. "
            "The callback returned without an error, but no such file exists afterwards: "
            "check the name that it writes to and the directory it is in. A callback that was made in a loop sees the "
            "last turn's variables, unless they are bound as defaults: def callback(path, name=name)."
        ) from None
    except OSError as error:
        error.add_note("The callback had returned without an error; then its output was opened to be checked.")
        raise
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            kind = _KINDS.get(stat.S_IFMT(facts.st_mode), "something else")
            raise JobContractError(
                f"{job_id}: its output {path} is not a regular file, but {kind}. Let the callback write a file; of a "
                "directory, name the files in it as outputs."
            )
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


def note_missing_directory(error: BaseException, paths: tuple[str, ...]) -> None:
    """Tell a callback that did not find a file if the directory of an output is what it did not find."""
    if isinstance(error, FileNotFoundError):
        for directory in dict.fromkeys(map(os.path.dirname, paths)):
            if not os.path.isdir(directory):
                error.add_note(
                    f"There is no directory {directory} for the output. It is not made for you: make it in the script, "
                    "or in the callback."
                )


def discard(paths: tuple[str, ...], rename_broken: bool) -> None:
    """Take away what a failed execution wrote: unlinked, or renamed to NAME.broken. What can't be is left alone."""
    for path in paths:
        if _obstacle(path):
            continue
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
