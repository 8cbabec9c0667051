"""What runs on the hosts, read from /proc: a process belongs to the host in whose network namespace it is, whatever it
has become. So nothing that anybody forked can hide, and nobody else's process is ever hit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crash.claims import Claim, claimed

COORDINATOR, SLAVE, SWEEPER, SUPERVISOR, PRISTINE, DATA, JOB, MCP, OTHER = (
    "coordinator",
    "slave",
    "sweeper",
    "supervisor",
    "pristine",
    "data",
    "job",
    "mcp",
    "other",
)
ROLES = (COORDINATOR, SLAVE, SWEEPER, SUPERVISOR, PRISTINE, DATA, JOB, MCP)
PROGRAMS = (
    (b"/ppg-coordinator\0", COORDINATOR),
    (b"/ppg-slave\0", SLAVE),
    (b"-m\0ppg_cs.slave.session\0", SUPERVISOR),
    (b"ppg_cs.slave.data_process", PRISTINE),
    (b"-m\0crash.building\0", MCP),
)
FORKS = {SLAVE: SWEEPER, PRISTINE: DATA}
"""A process that runs the program of its parent is one of its forks."""


@dataclass(frozen=True)
class Process:
    """At the moment when it was looked at. `started`: in ticks since boot, which with its pid is its identity."""

    pid: int
    started: int
    parent: int
    state: str
    name: str
    program: str
    host: str
    command: str

    @property
    def identity(self) -> tuple[int, int]:
        return self.pid, self.started

    @property
    def claim(self) -> Claim | None:
        """Of a job process, since its callback was called."""
        return claimed(self.name)

    @property
    def is_stopped(self) -> bool:
        return self.state == "T"


class Namespaces:
    """Finds the processes in these network namespaces, by host."""

    def __init__(self, names: dict[str, str]) -> None:
        self._hosts = {f"net:[{os.stat(f'/run/netns/{name}').st_ino}]": host for host, name in names.items()}

    def processes(self) -> dict[int, Process]:
        """All that live, by pid."""
        found = (self._look_at(name) for name in os.listdir("/proc") if name.isdigit())
        return {process.pid: process for process in found if process is not None and process.state not in "ZX"}

    def _look_at(self, pid: str) -> Process | None:
        try:
            host = self._hosts.get(os.readlink(f"/proc/{pid}/ns/net"))
            if host is None:
                return None
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        name, (state, parent, *rest) = (
            stat[stat.index("(") + 1 : stat.rindex(")")],
            stat[stat.rindex(")") + 2 :].split(),
        )
        program = next((role for words, role in PROGRAMS if words in command), OTHER)
        words = command.replace(b"\0", b" ").decode(errors="replace").strip()
        return Process(int(pid), int(rest[17]), int(parent), state, name, program, host, words)


def is_job(process: Process, processes: dict[int, Process]) -> bool:
    """Does it claim cores? What it forks has its name until it is another program."""
    parent = processes.get(process.parent)
    return process.claim is not None and (parent is None or parent.claim is None)


def role(process: Process, processes: dict[int, Process]) -> str:
    """What it is among all these."""
    if process.claim is not None:
        return JOB if is_job(process, processes) else OTHER
    parent = processes.get(process.parent)
    if parent is not None and parent.program == process.program:
        return FORKS.get(process.program, process.program)
    return process.program


def daemon_of(process: Process, processes: dict[int, Process]) -> Process | None:
    """The slave among its ancestors."""
    ancestor: Process | None = process
    while ancestor is not None and role(ancestor, processes) != SLAVE:
        ancestor = processes.get(ancestor.parent)
    return ancestor


def send(number: signal.Signals, processes: Iterable[Process]) -> None:
    """To those that are still what they were."""
    for process in processes:
        try:
            pidfd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            if _started(process.pid) == process.started:
                signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(pidfd)


def _started(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return -1
    return int(stat[stat.rindex(")") + 2 :].split()[19])
