"""Where a session keeps its endpoint, markers and captured output: /tmp/ppg-UID/PROJECT/SESSION, all of mode 0700.

On a local file system, since locks and Unix sockets live here; short, since the path of a Unix socket has 107 bytes;
and findable by the next session of the project, which must end what this one left (see `survivors`). /tmp is
everybody's: a directory of another owner, a symbolic link, or one that others may enter is refused, never used.

`owner.json` names the MCP by machine, pid and start time. Whoever makes a session directory holds a lock on that of the
project until its owner is in place. So one without an owner, seen by who holds that lock, is being made by nobody: its
maker was killed, or somebody who was removing it.

Rejected: an age from which on a directory without an owner is garbage. What a crash left stayed for that long.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ppg_cs import machine
from ppg_protocol.errors import PyPipeGraphError

BASE = Path("/tmp")
LOCK_PATIENCE_S = 10.0
_RETRY_S = 0.005
_OWNER = "owner.json"


class SessionDirectoryError(PyPipeGraphError):
    """The directory for sockets and locks can't be made, or can't be trusted. The message says what to do about it."""


class Owner(NamedTuple):
    """An MCP, for good: its pid may be another process' later, but not with the same start."""

    machine_id: str
    boot_id: str
    pid: int
    start_time: int

    def is_alive(self) -> bool:
        """Whether it runs; one in another container on this machine can't be seen and counts as alive."""
        if self.boot_id != machine.boot_id():
            return False
        return self.machine_id != machine.machine_id() or machine.start_time(self.pid) == self.start_time


def runtime_root(project_directory: str, base: Path = BASE) -> Path:
    """Where the sessions of a project have their directories on this machine."""
    name = blake2b(os.fsencode(os.path.realpath(project_directory)), digest_size=8).hexdigest()
    return user_root(base) / name


def user_root(base: Path = BASE) -> Path:
    """Where this user's projects have theirs."""
    return base / f"ppg-{os.geteuid()}"


def session_directory(project_directory: str, session: str, base: Path = BASE) -> Path:
    """Make the directory of a session that this process owns. Raises SessionDirectoryError."""
    directory = runtime_root(project_directory, base) / session
    make(directory, os.getpid())
    return directory


def make(directory: Path, owner_pid: int) -> None:
    """The same by its path, also in the place of one of a running session that was removed.

    Several processes of the session may do so at once; the first one makes it. Raises SessionDirectoryError.
    """
    owner = Owner(machine.machine_id(), machine.boot_id(), owner_pid, machine.start_time(owner_pid))
    try:
        with locked(directory.parent, make=True):
            if owner_of(directory) is None:
                _make_private(directory)
                (directory / _OWNER).write_text(json.dumps(owner._asdict()))
    except OSError as error:
        raise SessionDirectoryError(
            f"{directory}, for the sockets and the captured output of this run, can't be made: {error}. "
            f"Make room in {directory.parent.parent.parent}, and see to it that you may write there; then run again."
        ) from error


def owner_of(directory: Path) -> Owner | None:
    """Who made this session directory; None when that can't be read."""
    try:
        return Owner(**json.loads((directory / _OWNER).read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def locked(root: Path, make: bool = False) -> Iterator[None]:
    """Hold the lock on the directory of a project, which is made on request.

    Raises FileNotFoundError if there is none, SessionDirectoryError if it can't be trusted, or is locked for long.
    """
    give_up = time.monotonic() + LOCK_PATIENCE_S
    while (held := _try_lock(root, make)) < 0:
        if time.monotonic() > give_up:
            raise SessionDirectoryError(
                f"{root} has been locked for {LOCK_PATIENCE_S:g} s by another run of this project that is just "
                f"starting. Is it stopped? Let it go on, or end it, then run again."
            )
        time.sleep(_RETRY_S)
    try:
        yield
    finally:
        os.close(held)


def _try_lock(root: Path, make: bool) -> int:
    """Its descriptor; -1 when it is locked, or was just removed by the last session of the project."""
    try:
        if make:
            _make_private(root.parent)
            _make_private(root)
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if make:
            return -1
        raise
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), os.stat(root)):
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return -1


def discard(directory: Path) -> None:
    """Remove the directory of a session that has ended, and that of its project if it was the last one there."""
    import shutil  # and with it libraries for archives, which every forked job would carry

    shutil.rmtree(directory, ignore_errors=True)
    remove_if_empty(directory.parent)


def remove_if_empty(root: Path) -> None:
    """Remove the directory of a project that has no session; if it is locked, the other one will see to it."""
    try:
        held = _try_lock(root, make=False)
    except OSError:
        return
    if held >= 0:
        try:
            os.rmdir(root)
        except OSError:
            pass
        finally:
            os.close(held)


def _make_private(directory: Path) -> None:
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    facts = os.lstat(directory)
    mode = stat.S_IMODE(facts.st_mode)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or mode & 0o077:
        kind = "directory" if stat.S_ISDIR(facts.st_mode) else "file or symbolic link"
        raise SessionDirectoryError(
            f"{directory} is a {kind} of user {facts.st_uid} with mode {mode:o}; "
            f"it must be a directory of user {os.geteuid()} with mode 700. Remove it or have it removed."
        )
