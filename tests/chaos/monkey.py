"""Draws what is done to whom, does it, and mends it after a while. `heal` mends everything that is broken.

Deeds
- kill: SIGKILL for a process of some role
- stop: SIGSTOP for one, SIGCONT later
- freeze: the same for everything on a host, as when a virtual machine is suspended
- cut: the host's cable is taken out, and put in again later

A daemon that was killed is started again after a while. Durations are drawn in leases: some are shorter, some longer.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cluster.three_hosts import HOSTS, ThreeHosts

from . import processes as of
from .processes import Namespaces, Process, role, send
from .story import Story

LEASES = (0.1, 0.3, 0.7, 1.3, 2.0)
RESTARTS_LEASES = (0.05, 0.3, 1.2)
DEEDS = {"kill": 6, "stop": 4, "freeze": 1, "cut": 2}
VICTIMS = {
    of.JOB: 4,
    of.MCP: 3,
    of.SUPERVISOR: 3,
    of.SLAVE: 3,
    of.COORDINATOR: 2,
    of.DATA: 2,
    of.PRISTINE: 1,
    of.SWEEPER: 1,
}
GAPS_S = (0.1, 0.5, 1.0, 1.5, 3.0)


@dataclass(frozen=True)
class Hit:
    """A process that was killed or stopped, a host that was frozen or cut off (`role` is the deed then)."""

    at_s: float
    deed: str
    role: str
    host: str


@dataclass
class Monkey:
    """`daemons`: how to start each one, by the name of its pid file."""

    chance: random.Random
    hosts: ThreeHosts
    namespaces: Namespaces
    daemons: Mapping[str, Callable[[], None]]
    story: Story
    hits: list[Hit] = field(default_factory=list)
    _repairs: list[tuple[float, str, Callable[[], None]]] = field(default_factory=list)
    _next_s: float = 0.0
    _cut: set[str] = field(default_factory=set)

    @property
    def deeds(self) -> Counter[str]:
        return Counter(f"{hit.deed} {hit.role}" for hit in self.hits)

    def tick(self, now: float, running: Mapping[int, Process]) -> None:
        """Mend what is due; do something from time to time."""
        self.mend(now)
        if now >= self._next_s:
            self._next_s = now + self.chance.choice(GAPS_S)
            (deed,) = self.chance.choices(tuple(DEEDS), tuple(DEEDS.values()))
            {"kill": self._kill, "stop": self._stop, "freeze": self._freeze, "cut": self._cut_off}[deed](now, running)

    def mend(self, now: float) -> None:
        """What is due."""
        due = [repair for repair in self._repairs if repair[0] <= now]
        self._repairs = [repair for repair in self._repairs if repair[0] > now]
        for _, text, repair in due:
            self.story.tell(text)
            repair()

    def heal(self) -> None:
        """Everything, at once, in the order in which it would have been."""
        self._repairs.sort(key=lambda repair: repair[0])
        self.mend(float("inf"))

    # ---------------------------------------------------------------------------------------------------------- deeds

    def _kill(self, now: float, running: Mapping[int, Process]) -> None:
        victim = self._victim(running)
        if victim is None:
            return
        self._hit(now, "kill", victim, running)
        send(signal.SIGKILL, [victim])
        name = next((name for name in self.daemons if self._pid(name) == victim.pid), None)
        if name is not None:
            (self.hosts.directory / f"{name}.pid").unlink()
            after_s = self.hosts.lease_s * self.chance.choice(RESTARTS_LEASES)
            self._repairs.append((now + after_s, f"start {name}", self.daemons[name]))

    def _stop(self, now: float, running: Mapping[int, Process]) -> None:
        victim = self._victim(running)
        if victim is not None:
            self._hit(now, "stop", victim, running)
            send(signal.SIGSTOP, [victim])
            self._later(now, f"continue {victim.pid}", lambda: send(signal.SIGCONT, [victim]))

    def _freeze(self, now: float, running: Mapping[int, Process]) -> None:
        """Whatever was just forked is stopped by the second look."""
        host = self.chance.choice(HOSTS)
        stopped: dict[int, Process] = {}
        while new := [p for p in self._on(host) if p.pid not in stopped]:
            send(signal.SIGSTOP, new)
            stopped.update({process.pid: process for process in new})
        self._tell(now, "freeze", "everything", host, f"{len(stopped)} processes")
        self._later(now, f"continue all on {host}", lambda: send(signal.SIGCONT, stopped.values()))

    def _cut_off(self, now: float, running: Mapping[int, Process]) -> None:
        host = self.chance.choice(HOSTS)
        if host not in self._cut:
            self._cut.add(host)
            self._tell(now, "cut", "cable", host, "")
            self.hosts.do("cut", host)
            self._later(now, f"mend {host}", lambda: self._connect(host))

    def _connect(self, host: str) -> None:
        self._cut.discard(host)
        self.hosts.do("mend", host)

    # -------------------------------------------------------------------------------------------------------- choosing

    def _victim(self, running: Mapping[int, Process]) -> Process | None:
        (wanted,) = self.chance.choices(tuple(VICTIMS), tuple(VICTIMS.values()))
        all_of_them = dict(running)
        there = sorted((p for p in all_of_them.values() if role(p, all_of_them) == wanted), key=lambda p: p.pid)
        return self.chance.choice(there) if there else None

    def _on(self, host: str) -> list[Process]:
        return [process for process in self.namespaces.processes().values() if process.host == host]

    def _pid(self, name: str) -> int:
        try:
            return self.hosts.pid(name)
        except FileNotFoundError:
            return 0

    # --------------------------------------------------------------------------------------------------------- telling

    def _later(self, now: float, text: str, repair: Callable[[], None]) -> None:
        duration_s = self.hosts.lease_s * self.chance.choice(LEASES)
        self._repairs.append((now + duration_s, text, repair))

    def _hit(self, now: float, deed: str, victim: Process, running: Mapping[int, Process]) -> None:
        self._tell(
            now, deed, role(victim, dict(running)), victim.host, f"{victim.pid}: {victim.name}: {victim.command}"
        )

    def _tell(self, now: float, deed: str, whom: str, host: str, more: str) -> None:
        self.hits.append(Hit(now, deed, whom, host))
        self.story.tell(f"{deed} {whom} on {host} ({more})")
