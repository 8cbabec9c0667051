"""Ending what sessions left, in a forked child: that may take seconds, for which no link should be silent.

A sweep that does not succeed, because a process survives SIGKILL, is tried again until it does: until then nothing of a
newer run may start, and the coordinator is told nothing.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from ppg_cs import session_directory, survivors
from ppg_protocol.errors import PyPipeGraphError

log = logging.getLogger("ppg-slave")


def sweep_all() -> None:
    """Before anything runs here: end what dead daemons and masters of this user left. What can't be ended is logged."""
    for root in sorted(session_directory.user_root().glob("*")):
        _swept(partial(survivors.sweep, root))


def sweep_project(project: str) -> int:
    """Begin to end what is left of dead sessions of a project; returns a child's pid, whose exit code 0 means done."""
    root = session_directory.runtime_root(project)
    return _in_child(lambda: survivors.sweep(root))


def sweep_session(directory: Path) -> int:
    """The same of one session, whose supervisor is gone. The directory is removed."""

    def sweep() -> Sequence[str]:
        ended = survivors.end_session(directory)
        session_directory.discard(directory)
        return ended

    return _in_child(sweep)


def end_at_once(directory: Path) -> None:
    """The same, here and now, supervisor included."""
    _swept(lambda: survivors.end_session(directory))
    session_directory.discard(directory)


def _in_child(sweep: Callable[[], Sequence[str]]) -> int:
    pid = os.fork()
    if pid:
        return pid
    _be_sweeper(sweep)


def _be_sweeper(sweep: Callable[[], Sequence[str]]) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        code = 0 if _swept(sweep) else 1
    finally:
        os._exit(code)


def _swept(sweep: Callable[[], Sequence[str]]) -> bool:
    try:
        for line in sweep():
            log.warning("%s", line)
    except (PyPipeGraphError, OSError) as error:
        log.error("%s", error)
        return False
    return True
