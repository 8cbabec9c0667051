"""A round: three hosts, two users with slaves on two of them, several pipegraphs, chaos for a while; then everything is
mended, all must end well, and nothing may be left. What is checked of each pipegraph is in `player`, of each machine
in `capacity`; here: that everything ends, and what is left when it has.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cluster.listening import listening
from cluster.three_hosts import HOSTS, ThreeHosts

from . import processes as of
from .capacity import Capacity, Machine
from .monkey import Monkey
from .player import MIB, Player
from .processes import Namespaces, Process, role, send
from .story import Story

LEASE_S = 3.0
PATIENCE_S = 150.0
"""Until all is done when everything is mended: of a build that one core alone could do in less than a minute."""
GONE_S = 20.0
TICK_S = 0.05
MACHINES = {"one": Machine(2, 1024 * MIB), "two": Machine(3, 1024 * MIB)}
USERS = ("owner", "ann")
PIPEGRAPHS = {"first": "owner", "second": "owner", "third": "ann"}
COORDINATOR = "tcp 10.77.0.1:7700"


class Round:
    """`Round(seed, folder).play(chaos_s)` raises AssertionError; `end` must follow. `story` says what happened."""

    def __init__(self, seed: int, folder: Path, aloud: bool = False) -> None:
        self.story = Story(aloud)
        self._chance = random.Random(seed)
        self._folder = folder
        self._hosts = ThreeHosts(folder, LEASE_S)
        self._namespaces: Namespaces | None = None
        self.monkey: Monkey | None = None
        self.capacity: Capacity | None = None
        self.players: list[Player] = []

    def play(self, chaos_s: float) -> None:
        """The whole round. What it leaves when it fails is in the folder."""
        self._set_up()
        began = time.monotonic()
        while time.monotonic() < began + chaos_s:
            self._turn(disturbed=True)
        self.monkey.heal()
        self.story.tell("all is mended")
        for player in self.players:
            player.stop_soon()
        self._until(lambda: all(player.is_over for player in self.players), PATIENCE_S, "all pipegraphs to end")
        self._check_what_is_left()
        self._take_down()

    def end(self) -> None:
        """Of whatever a failure left running."""
        if self._namespaces is not None:
            send(signal.SIGKILL, self._namespaces.processes().values())
        for player in self.players:
            player.end()
        self._hosts.do("down")

    # --------------------------------------------------------------------------------------------------------- set up

    def _set_up(self) -> None:
        self._hosts.do("up")
        self._namespaces = Namespaces({host: self._hosts.namespace(host) for host in HOSTS})
        daemons = self._daemons()
        for name, start in daemons.items():
            start()
            if name == "coordinator":
                self._hosts.do("user", "ann")
        self.capacity = Capacity(MACHINES, self._namespaces, LEASE_S)
        self.monkey = Monkey(self._chance, self._hosts, self._namespaces, daemons, self.story)
        for name, user in PIPEGRAPHS.items():
            self.players.append(Player(name, user, self._hosts, self.monkey, self._chance))

    def _daemons(self) -> Mapping[str, Callable[[], None]]:
        """With a grace as long as the lease, a restarted coordinator knows of all that was granted before."""
        starts = {"coordinator": partial(self._hosts.do, "coordinator", "--grace", str(LEASE_S))}
        for user in USERS:
            for host, machine in MACHINES.items():
                name = f"slave-{host}" if user == "owner" else f"slave-{host}-{user}"
                size = ("--cores", str(machine.cores), "--memory", str(machine.memory_bytes))
                starts[name] = partial(self._hosts.do, "slave", host, user, *size)
        return starts

    # ----------------------------------------------------------------------------------------------------------- turns

    def _turn(self, disturbed: bool) -> None:
        now = time.monotonic()
        running = self.capacity.sample(now)
        if disturbed:
            self.monkey.tick(now, running)
        for player in self.players:
            if not player.is_over:
                player.poll(now)
        time.sleep(TICK_S)

    def _until(self, condition: Callable[[], bool], patience_s: float, what: str) -> None:
        give_up = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < give_up, f"waited in vain for {what}: {self._listed(self._running())}"
            self._turn(disturbed=False)

    def _running(self) -> Mapping[int, Process]:
        return self._namespaces.processes()

    @staticmethod
    def _listed(running: Mapping[int, Process]) -> list[str]:
        every = dict(running)
        return [f"{p.pid} {role(p, every)} on {p.host} ({p.state}): {p.command}" for p in every.values()]

    # ------------------------------------------------------------------------------------------------------- leftovers

    def _check_what_is_left(self) -> None:
        """While the daemons still run: nothing but them, and nothing of any session."""
        daemons = {of.COORDINATOR, of.SLAVE}
        self._until(
            lambda: all(p.program in daemons for p in self._running().values()), GONE_S, "only daemons to be left"
        )
        self._until(lambda: not self._sessions(), GONE_S, "the end of session directories")
        assert self._counted() == 1 + len(USERS) * len(MACHINES), self._listed(self._running())
        for host in HOSTS:
            expected = {COORDINATOR} if host == "head" else set()
            assert {str(socket) for socket in listening(self._somebody_on(host))} == expected

    def _counted(self) -> int:
        running = dict(self._running())
        return sum(role(process, running) in (of.COORDINATOR, of.SLAVE) for process in running.values())

    def _somebody_on(self, host: str) -> int:
        return next(process.pid for process in self._running().values() if process.host == host)

    def _sessions(self) -> list[Path]:
        """The directories of all projects on all hosts."""
        return [path for host in HOSTS for path in (self._folder / f"sockets-{host}").iterdir()]

    def _take_down(self) -> None:
        """Daemons leave when they are told to; then there is nobody and nothing."""
        names = [self._hosts.namespace(host) for host in (*HOSTS, "switch")]
        self._hosts.do("down")
        assert not self._running(), self._listed(self._running())
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
        assert not set(names) & set(listed), "namespaces were left"
        self._namespaces = None
        tracebacks = self._daemon_logs("Traceback")
        assert not tracebacks, f"daemons had errors, see {tracebacks}"

    def _daemon_logs(self, words: str) -> list[Path]:
        return [path for path in self._folder.glob("*.log") if words in path.read_text(errors="replace")]
