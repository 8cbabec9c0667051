"""Where a session keeps its endpoint, markers and captured output: /tmp/ppg-UID/PROJECT/SESSION, all of mode 0700.

On a local file system, since locks and Unix sockets live here; short, since the path of a Unix socket has 107 bytes;
and findable by the next session of the project, which must end what this one left (see `survivors`). /tmp is
everybody's: a directory of another owner, a symbolic link, or one that others may enter is refused, never used.

`owner.json` names the MCP by machine, pid and start time. It is in place before the directory gets its name, so a
session directory without an owner does not exist.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from ppg_cs import machine
from ppg_protocol.errors import PyPipeGraphError

BASE = Path("/tmp")
ATTEMPTS = 10
_OWNER = "owner.json"


class SessionDirectoryError(PyPipeGraphError):
    """The directory for sockets and locks can't be trusted. Remove it, or make it yours with mode 0700."""


@dataclass(frozen=True, slots=True)
class Owner:
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
    return base / f"ppg-{os.geteuid()}" / name


def session_directory(project_directory: str, session: str, base: Path = BASE) -> Path:
    """Make the directory of a session that this process owns. Raises SessionDirectoryError, or OSError."""
    directory = runtime_root(project_directory, base) / session
    _make(directory, os.getpid())
    return directory


def make_again(directory: Path, owner_pid: int) -> None:
    """The directory of a running session was removed: put another one in its place. Raises as `session_directory`.

    Several processes of the session may do so at once; the first one wins.
    """
    try:
        _make(directory, owner_pid)
    except OSError:
        if not directory.is_dir():
            raise


def _make(directory: Path, owner_pid: int) -> None:
    root = directory.parent
    new = root / f".{directory.name}.{os.getpid()}"
    for patience in reversed(range(ATTEMPTS)):
        try:
            for private in (root.parent, root, new):
                _make_private(private)
            break
        except FileNotFoundError:  # another session of the project has just ended, and taken the empty root along
            if not patience:
                raise
    owner = Owner(machine.machine_id(), machine.boot_id(), owner_pid, machine.start_time(owner_pid))
    (new / _OWNER).write_text(json.dumps(asdict(owner)))
    try:
        os.rename(new, directory)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        raise


def owner_of(directory: Path) -> Owner | None:
    """Who made this session directory; None when that can't be read."""
    try:
        return Owner(**json.loads((directory / _OWNER).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def discard(directory: Path) -> None:
    """Remove the directory of a session that has ended, and that of its project if it was the last one there."""
    shutil.rmtree(directory, ignore_errors=True)
    try:
        os.rmdir(directory.parent)
    except OSError:
        pass


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
