"""Virtual time, hosts and processes. Whatever happens is an entry of one queue, whatever is drawn comes from one seed.

Rules
- An event belongs to a process or to nobody. What comes to a process that is frozen waits until it thaws; what comes to
  a dead one is forgotten.
- Each host has a clock of its own (offset and rate), as CLOCK_BOOTTIME has, and a wall clock that somebody may set;
  only the world knows the time.
- A host that is suspended stands still as a whole while its clocks go on. When it wakes up its processes take their
  turns before its jobs go on; the other order is for real processes (tests/cluster/test_frozen).
- A process that waits for its disk takes no turns, and what it says leaves when it goes on.
- What is wrong is raised where it is seen, by `judge` or by a core. That is the failure of the seed.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from random import Random
from typing import Any

PATIENCE_S = 0.001
"""Pollers wake up a little late."""


EPOCH_S = 1_700_000_000
"""The wall clock when the world begins."""


class Violation(AssertionError):
    """Something happened that must not."""


class Crash(Exception):
    """SIGKILL for the process whose turn it is, in the middle of it."""


@dataclass(eq=False)
class Host:
    """A machine. `is_up` is false once it vanished for good."""

    name: str
    cores: int
    memory_bytes: int
    offset: float
    rate: float
    is_up: bool = True
    processes: list[Process] = field(default_factory=list)
    wall_offset_s: float = 0.0
    """How far its wall clock was set."""
    asleep_until: float = 0.0
    """In the world's time."""
    disk_s: float = 0.0
    """Mean duration of a commit."""

    def clock(self, at: float) -> float:
        """Its time."""
        return self.offset + at * self.rate

    def when(self, local: float) -> float:
        """The world's time."""
        return (local - self.offset) / self.rate

    def wall_ns(self, at: float) -> int:
        """What its wall clock shows."""
        return int((EPOCH_S + self.wall_offset_s + at * self.rate) * 1e9)

    def suspend(self, world: World, seconds: float) -> None:
        """Everything on it stands still for so long."""
        self.asleep_until = max(self.asleep_until, world.now + seconds)
        for process in self.processes:
            process.freeze(seconds)


class World:
    """See the module."""

    def __init__(self, seed: int) -> None:
        self.luck = Random(seed)
        self.now = 0.0
        self.steps = 0
        self.hosts: dict[str, Host] = {}
        self.lines: list[str] | None = None
        """What happened, when somebody wants to read it."""
        self.watcher: Callable[[str], None] | None = None
        self.counted: dict[str, int] = {}
        self._digest = blake2b(digest_size=8)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._pids = count(1000)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Let it happen then."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._numbers), what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Let it happen in so many seconds."""
        self.at(self.now + seconds, what)

    def step(self) -> bool:
        """The next event; False when there is none."""
        if not self._queue:
            return False
        self.now, _, what = heapq.heappop(self._queue)
        self.steps += 1
        what()
        return True

    def note(self, who: str, what: str) -> None:
        """Part of the trace: the same seed has the same."""
        line = f"{self.now:12.6f} {who}: {what}"
        self._digest.update(line.encode() + b"\n")
        if self.lines is not None:
            self.lines.append(line)
        if self.watcher is not None:
            self.watcher(line)

    def count(self, what: str, times: int = 1) -> None:
        """For statistics: did the seeds meet what they are for?"""
        self.counted[what] = self.counted.get(what, 0) + times

    @property
    def trace(self) -> str:
        """Digest of all that happened."""
        return self._digest.copy().hexdigest()

    def new_pid(self) -> int:
        """Never used before."""
        return next(self._pids)


class Process:
    """Something that takes turns. Subclasses have `play` and `deadline`."""

    def __init__(self, world: World, host: Host, user: str, name: str) -> None:
        self.world, self.host, self.user, self.name = world, host, user, name
        self.pid = world.new_pid()
        self.instance = self.pid.to_bytes(16, "big")
        self.alive = True
        self.frozen_until = 0.0
        self.sockets: list[Any] = []
        self._posted: deque[Callable[[], None]] = deque()
        self._turn_at = float("inf")
        host.processes.append(self)

    @property
    def now(self) -> float:
        """By its host's clock."""
        return self.host.clock(self.world.now)

    @property
    def is_frozen(self) -> bool:
        """Does it get no events?"""
        return self.world.now < self.frozen_until

    def play(self) -> None:
        """Take a turn."""
        raise NotImplementedError

    def deadline(self) -> float | None:
        """When to take the next, by the host's clock."""
        raise NotImplementedError

    def post(self, what: Callable[[], None]) -> None:
        """Something comes that is no message of a link: taken in by its next turn."""
        if self.alive:
            self._posted.append(what)
            self.wake()

    def wake(self) -> None:
        """There is something to take in."""
        self._plan(self.world.now)

    def note(self, what: str) -> None:
        """See World."""
        self.world.note(self.name, what)

    def freeze(self, seconds: float) -> None:
        """It gets no events for so long."""
        self.frozen_until = max(self.frozen_until, self.world.now + seconds)
        self.note(f"frozen for {seconds:.2f} s")

    def stall(self, seconds: float) -> None:
        """Its turn takes so long: what it says from now on leaves then."""
        self.frozen_until = max(self.frozen_until, self.world.now) + seconds

    def kill(self, why: str) -> None:
        """At once."""
        if not self.alive:
            return
        self.alive = False
        self.note(f"dies: {why}")
        self.host.processes.remove(self)
        for socket in self.sockets:
            socket.died()
        self.on_death()

    def on_death(self) -> None:
        """What goes down with it."""

    def _plan(self, at: float) -> None:
        if at < self._turn_at:
            self._turn_at = at
            self.world.at(at, lambda: self._turn(at))

    def _turn(self, at: float) -> None:
        if not self.alive or at != self._turn_at:
            return
        self._turn_at = float("inf")
        if self.is_frozen:
            self._plan(self.frozen_until)
            return
        try:
            self.play()
        except Crash as crash:
            self.kill(str(crash))
        if self.alive:
            deadline = self.deadline()
            if self._posted:
                self.wake()
            elif deadline is not None:
                self._plan(max(self.world.now, self.host.when(deadline)) + PATIENCE_S)

    def take_posted(self) -> None:
        """All that was there at the beginning of the turn."""
        for _ in range(len(self._posted)):
            if self.alive:
                self._posted.popleft()()
