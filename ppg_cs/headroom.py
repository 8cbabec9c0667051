"""Is there room for the processes, threads and open files of a run? Asked before the first of them is made.

libzmq ends its process, the user's script, when the system refuses it a thread, and half a run that could be started
helps nobody. Rules: limits are only compared with what is there, nothing is made for a try; the processes of a user are
counted only where all tasks of the machine together come near the limit.
Rejected: as many threads as a run needs, for a moment. Each leaves 64 MiB of address space behind, which counts for
RLIMIT_AS.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from ppg_cs import machine
from ppg_protocol.errors import PyPipeGraphError

TASKS = 7
"""Supervisor, data process, one job; two threads of libzmq at either end of their link."""
FILES = 24
"""Descriptors of either end of the link; jobs have less."""
NEAR = 1000


def require_room() -> None:
    """Raises PyPipeGraphError that names the limit, what is taken of it, and what to do."""
    for limit, taken, needed, what in _limits():
        if limit - taken < needed:
            raise PyPipeGraphError(
                f"There is no room for a run: {what}, {taken} are there, and a run needs at least {needed} more. "
                "End what is not needed, or raise the limit."
            )


def no_process(error: OSError) -> str:
    """Why fork() failed, with the limits that may be the reason."""
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    of_user = "any number of" if limit == resource.RLIM_INFINITY else str(limit)
    return (
        f"no process could be made: {error.strerror}. User {os.getuid()} may have {of_user} processes and "
        "threads (ulimit -u); a container, or the machine's memory, may allow less"
    )


def _limits() -> Iterator[tuple[int, int, int, str]]:
    """Limit, what is taken of it, what is needed, and whose limit it is."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = sum(int(fd) < files for fd in os.listdir("/proc/self/fd"))
    yield files, taken, FILES, f"this process may have {files} files open (ulimit -n)"
    tasks, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    user = os.getuid()
    if tasks != resource.RLIM_INFINITY and user != 0 and tasks - machine.tasks() < NEAR:
        yield tasks, machine.tasks_of(user), TASKS, f"user {user} may have {tasks} processes and threads (ulimit -u)"
    for group, limit, taken in machine.task_limits():
        yield limit, taken, TASKS, f"the control group {group} may have {limit} processes and threads"
