"""Processes that outlived an earlier session of the same project: found and ended before anybody looks at files.

The supervisor ends what its attempts leave behind, but it may have been killed itself. What is left then shows itself
by one of: PPG_SESSION in its environ (it was exec'ed), an open file below the session's directory (it was forked and
never exec'ed: its marker, its captured stdout, a log), or the lock of a marker. A session whose MCP lives is left
alone; of any other everything goes, a leftover supervisor included, then its directory.

Rejected: remembering pids. They are stale when it matters, and don't know what a job started.
"""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

from ppg_cs import descendants, marker
from ppg_cs.session_directory import discard, locked, owner_of, remove_if_empty
from ppg_protocol.errors import PyPipeGraphError

KILL_S = 10.0
RETRY_S = 0.005
QUIET_SCANS = 2
"""Scans in a row that must find nothing: one alone may miss the child of a process that forked and died meanwhile."""


class SurvivorError(PyPipeGraphError):
    """Something of an earlier session can't be ended, so its files may still change: end it, or reboot; run again."""


def sweep(runtime_root: Path) -> list[str]:
    """End everything of dead sessions of a project on this machine; returns a line for each process that was killed.

    Raises SurvivorError for a process that does not die, or that holds a marker and can't be seen.
    """
    ended: list[str] = []
    try:
        with locked(runtime_root):
            leftovers = [runtime_root / name for name in sorted(os.listdir(runtime_root))]
            leftovers = [directory for directory in leftovers if _is_left_over(directory)]
    except FileNotFoundError:
        return ended
    for directory in leftovers:
        ended += end_session(directory)
        discard(directory)
    remove_if_empty(runtime_root)
    return ended


def _is_left_over(directory: Path) -> bool:
    """Asked while the lock on the project's directory is held."""
    owner = owner_of(directory)
    return (owner is None or not owner.is_alive()) and directory.is_dir() and not directory.is_symlink()


def end_session(directory: Path) -> list[str]:
    """Kill all that is left of the session of this directory; returns a line for each process. Raises SurvivorError."""
    ended: list[str] = []
    deadline = time.monotonic() + KILL_S
    quiet = 0
    while quiet < QUIET_SCANS:
        pids = members(directory, directory.name)
        ended += [_end_member(pid, directory.name, deadline) for pid in pids]
        held = _held_marker(directory)
        quiet = 0 if pids or held else quiet + 1
        if held and not pids:
            if time.monotonic() > deadline:
                raise SurvivorError(
                    f"{held} is locked by a process that can't be seen from here, in another container perhaps: "
                    f"something of an earlier session of this project still runs. End it, then run again."
                )
            time.sleep(RETRY_S)
    return ended


def _end_member(pid: int, session: str, deadline: float) -> str:
    words = f"{pid} ({_cmdline(pid)})"
    if not _end(pid, deadline):
        raise SurvivorError(
            f"process {words} of an earlier session of this project survives SIGKILL for {KILL_S:g} s; "
            f"its files may still change. Wait for it, or reboot, then run again."
        )
    return f"ended process {words}, left over from session {session}"


def _held_marker(directory: Path) -> Path | None:
    return next((path for path in sorted(directory.glob("slot-*.lock")) if marker.is_held(str(path))), None)


def members(directory: Path, session: str) -> list[int]:
    """Pids of this user's processes that belong to a session, this one excluded."""
    needle = b"PPG_SESSION=" + os.fsencode(session) + b"\0"
    below = os.fsencode(str(directory)) + b"/"
    me, user = os.getpid(), os.geteuid()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != me and _is_users(name, user):
            pid = int(name)
            if needle in _environ(pid) or _has_open(pid, below):
                found.append(pid)
    return found


def _is_users(name: str, user: int) -> bool:
    try:
        return os.stat(f"/proc/{name}").st_uid == user
    except OSError:
        return False


def _environ(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read() + b"\0"
    except OSError:
        return b""


def _has_open(pid: int, below: bytes) -> bool:
    directory = b"/proc/%d/fd" % pid
    try:
        for fd in os.listdir(directory):
            try:
                if os.readlink(directory + b"/" + fd).startswith(below):
                    return True
            except OSError:
                continue
    except OSError:
        pass
    return False


def _end(pid: int, deadline: float) -> bool:
    """SIGKILL, and wait until it is dead (a zombie counts)."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        descendants.kill(pid)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(max(1.0, (deadline - time.monotonic()) * 1000.0)))
    finally:
        os.close(pidfd)


def _cmdline(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()[:200] or "no command line"
    except OSError:
        return "gone"
