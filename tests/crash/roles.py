"""Which process of a run is what: a file to which every process appends its role and pid when it begins to be it.

Read by whoever is to kill, and to tell the fifth job process from the fourth. A pid counts only while that process has
the project as its working directory, so that no process of anybody else is ever hit. The pristine data process is
called that until it serves; then it is a data process like its successors.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

MCP, SUPERVISOR, PRISTINE, SUCCESSOR, DATA, JOB, GRANDCHILD = (
    "mcp",
    "supervisor",
    "pristine",
    "successor",
    "data",
    "job",
    "grandchild",
)
ROLES = (MCP, SUPERVISOR, PRISTINE, SUCCESSOR, DATA, JOB, GRANDCHILD)


def enter(table: str, role: str, pid: int) -> int:
    """This process is that now; returns the number of those that were before."""
    fd = os.open(table, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, f"{role} {pid}\n".encode())
        before = os.pread(fd, os.fstat(fd).st_size, 0).decode().splitlines()
    finally:
        os.close(fd)
    return sum(1 for line in before if line.startswith(role + " ")) - 1


def living(table: str, project: str) -> list[tuple[str, int]]:
    """Role and pid of the processes that run now, by their last role."""
    try:
        lines = Path(table).read_text().splitlines()
    except FileNotFoundError:
        return []
    last: dict[int, str] = {}
    for line in lines:
        role, pid = line.split()
        last[int(pid)] = role
    return [(role, pid) for pid, role in last.items() if is_in(pid, project)]


def is_in(pid: int | str, project: str) -> bool:
    """Does it run, with the project as its working directory?"""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == project
    except OSError:
        return False


def processes_in(project: str) -> list[int]:
    """All processes that run in the project."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and is_in(name, project)]


def kill(pids: Iterable[int], project: str) -> None:
    """SIGKILL."""
    for pid in pids:
        if is_in(pid, project):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
