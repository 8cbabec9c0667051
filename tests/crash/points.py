"""Crash points: every effect that a process of the engine has on the world is a place to be killed at, before or after.

A profile function is installed in the script before `run()`; every process of the run is a fork and inherits it. It
learns its role from the function that the process enters, and counts effects: calls of system calls, of sqlite3 and of
sockets, and calls of the few functions that stand for others (a message sent, a record left on the board). The chosen
effect of the chosen process of the chosen role kills. Where nothing is left to be seen the function is taken out, until
the next fork. The engine itself knows nothing of this.
"""

from __future__ import annotations

import fcntl
import json
import os
import posix
import signal
import socket
import sqlite3
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

from ppg_cs import data_process, job_process, successor, supervisor
from ppg_cs.board import Board
from ppg_cs.session_directory import discard
from ppg_mcp.run.machine import EmbeddedMachine
from ppg_protocol.link import ClientLink, ServerLink

from . import roles

ENTRANCES = {
    supervisor.run.__code__: roles.SUPERVISOR,
    data_process.run_pristine.__code__: roles.PRISTINE,
    job_process.run.__code__: roles.JOB,
    successor.prepare.__code__: roles.SUCCESSOR,
    data_process.DataProcess.serve.__code__: roles.DATA,
}
PASSING = (roles.PRISTINE, roles.SUCCESSOR)
"""Roles in which a process does not end."""
STAND_INS = {
    function.__code__
    for function in (
        Board.write,
        ServerLink.send,
        ClientLink.send,
        EmbeddedMachine.__init__,
        EmbeddedMachine.close,
        discard,
    )
}
OWNERS = {id(posix), id(fcntl)}
TYPES = (sqlite3.Connection, socket.socket)
LOOKS = frozenset(
    (
        "stat",
        "lstat",
        "fstat",
        "getpid",
        "getppid",
        "fspath",
        "getcwd",
        "listdir",
        "readlink",
        "urandom",
        "geteuid",
        "fileno",
    )
)
"""System calls that change nothing, and are called often."""


@dataclass(frozen=True)
class Point:
    """Where to crash: at effect `count` of process number `nth` of `role`. Who dies: `victims`, "self" being the
    process itself. Or who is signalled: `signals` are sent to the script, or to its process group as a terminal does.
    Before that the process lingers there, while the others go on.
    """

    role: str
    nth: int
    count: int
    victims: tuple[str, ...] = ()
    signals: tuple[int, ...] = ()
    whole_group: bool = False
    linger_s: float = 0.0


class Trap:
    """Installed in the script's process, inherited by all."""

    def __init__(self, side: str, project: str, point: Point | None) -> None:
        self._table, self._fired, self._project = f"{side}/roles", f"{side}/fired", project
        self._point = point
        self._script = self._pid = 0
        self._role = ""
        self._left = -1

    def install(self) -> None:
        """Begin, as the script."""
        os.register_at_fork(after_in_child=lambda: sys.setprofile(self._look))
        self._enter(roles.MCP)
        self._script = self._pid

    def _enter(self, role: str) -> None:
        self._pid, self._role, point = os.getpid(), role, self._point
        number = roles.enter(self._table, role, self._pid)
        self._left = point.count if point is not None and (role, number) == (point.role, point.nth) else -1
        sys.setprofile(self._look if self._left >= 0 or role in PASSING else None)

    def _look(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call" or event == "c_return":
            if self._left < 0:
                return
            owner = getattr(arg, "__self__", None)
            if (id(owner) in OWNERS or isinstance(owner, TYPES)) and arg.__name__ not in LOOKS:
                self._count(f"{event} {arg.__qualname__}")
        elif event == "call" and frame.f_code in ENTRANCES:
            self._enter(ENTRANCES[frame.f_code])
        elif self._left >= 0 and frame.f_code in STAND_INS:
            self._count(f"{event} {frame.f_code.co_qualname}")

    def _count(self, where: str) -> None:
        if self._pid != os.getpid():
            self._left = -1
        elif self._left:
            self._left -= 1
        else:
            self._left = -1
            self._crash(where)

    def _crash(self, where: str) -> None:
        point = self._point
        assert point is not None
        try:
            fd = os.open(self._fired, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return
        time.sleep(point.linger_s)
        others = [(role, pid) for role, pid in roles.living(self._table, self._project) if role in point.victims]
        if "self" in point.victims:
            others.append((self._role, self._pid))
        os.write(fd, json.dumps({"where": f"{self._role}: {where}", "killed": [role for role, _ in others]}).encode())
        os.close(fd)
        for number in point.signals:
            (os.killpg if point.whole_group else os.kill)(self._script, number)
        roles.kill((pid for _, pid in others if pid != self._pid), self._project)
        if any(pid == self._pid for _, pid in others):
            os.kill(self._pid, signal.SIGKILL)
