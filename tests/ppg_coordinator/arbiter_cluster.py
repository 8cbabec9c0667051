"""A cluster for tests: an arbiter, and sessions that obey the contract of `events`, over links that deliver in order
but late.

What runs on a machine is counted apart from the arbiter's books: that is the truth that must never exceed the
machine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ppg_coordinator.arbiter import Arbiter
from ppg_coordinator.events import (
    Demand,
    Elapsed,
    Event,
    Excluded,
    Held,
    MachineDrained,
    MachineJoined,
    MachineLeft,
    MachineUndrained,
    SessionClosed,
    SessionOpened,
    Shape,
    Shares,
    Vacated,
)

GB = 2**30
NOTHING = (0, 0)


@dataclass
class FakeSession:
    """A session: its share as of the last message it read, and what it runs."""

    name: str
    number: int = 0
    share: dict[str, tuple[int, int]] = field(default_factory=dict)
    running: dict[str, tuple[int, int]] = field(default_factory=dict)
    inbox: deque[Shares] = field(default_factory=deque)
    outbox: deque[Held] = field(default_factory=deque)

    def read(self) -> None:
        """Take the next message in; say Held for what it lowers."""
        shares = self.inbox.popleft()
        assert shares.number == self.number + 1
        self.number = shares.number
        before, self.share = self.share, {machine: (cores, memory) for machine, cores, memory in shares.machines}
        for machine, (cores, memory) in before.items():
            now = self.share.get(machine, NOTHING)
            if now[0] < cores or now[1] < memory:
                self.say(machine)

    def say(self, machine: str) -> None:
        """Promise to hold no more than this: what runs, or the share where that is more."""
        running, share = self.running.get(machine, NOTHING), self.share.get(machine, NOTHING)
        held = (max(running[0], share[0]), max(running[1], share[1]))
        self.outbox.append(Held(self.name, self.number, machine, *held))

    def start(self, machine: str, cores: int, memory: int) -> None:
        """Run so much more, as far as the share has room."""
        running, share = self.running.get(machine, NOTHING), self.share.get(machine, NOTHING)
        self.running[machine] = (
            max(running[0], min(share[0], running[0] + cores)),
            max(running[1], min(share[1], running[1] + memory)),
        )

    def finish(self, machine: str, cores: int | None = None) -> None:
        """Jobs with so many cores end (None: all)."""
        running = self.running.get(machine, NOTHING)
        share = self.share.get(machine, NOTHING)
        left = 0 if cores is None else max(0, running[0] - cores)
        self.running[machine] = (left, running[1] if left else 0)
        if running[0] > share[0] or running[1] > share[1]:
            self.say(machine)


class Cluster:
    """Everything together. `quick` sessions read at once and run all that they may, until told otherwise."""

    def __init__(self, *machines: tuple[str, int, int], grace_until: float = float("-inf")) -> None:
        self.arbiter = Arbiter(grace_until)
        self.now = 0.0
        self.machines: dict[str, tuple[int, int]] = {}
        self.sessions: dict[str, FakeSession] = {}
        self.users: dict[str, str] = {}
        self.told: list[Shares] = []
        """All that the arbiter ever said."""
        for machine, cores, memory in machines:
            self.join(machine, cores, memory)

    def send(self, event: Event) -> list[Shares]:
        """One event for the arbiter, at the present time."""
        out = self.arbiter.handle(event, self.now)
        self.arbiter.sanity_check()
        for shares in out:
            self.sessions[shares.session].inbox.append(shares)
        self.told += out
        return out

    def join(self, machine: str, cores: int, memory: int = 64 * GB, users: Iterable[str] | None = None) -> None:
        """A machine joins, for these users (None: for all)."""
        self.machines[machine] = (cores, memory)
        self.send(MachineJoined(machine, cores, memory, users=None if users is None else frozenset(users)))

    def open_to(self, machine: str, users: Iterable[str]) -> None:
        """A machine is there for other users than before."""
        self.join(machine, *self.machines[machine], users)

    def exclude(self, session: str, machine: str, excluded: bool = True) -> None:
        """A session can't work on a machine, or can again."""
        self.send(Excluded(session, machine, excluded))

    def vacate(self, machine: str, user: str) -> None:
        """What a user's sessions ran on a machine is gone, and so is what they said of it."""
        for session in self.sessions.values():
            if self.users[session.name] == user:
                session.running.pop(machine, None)
                session.outbox = deque(held for held in session.outbox if held.machine != machine)
        self.send(Vacated(machine, user))

    def leave(self, machine: str) -> None:
        """A machine vanishes, and what ran there."""
        for session in self.sessions.values():
            session.running.pop(machine, None)
            session.outbox = deque(held for held in session.outbox if held.machine != machine)
        del self.machines[machine]
        self.send(MachineLeft(machine))

    def drain(self, machine: str, drained: bool = True) -> None:
        """A machine is drained, or not any more."""
        self.send(MachineDrained(machine) if drained else MachineUndrained(machine))

    def open(self, session: str, user: str | None = None) -> FakeSession:
        """A session opens, of a user of that name."""
        self.sessions[session] = FakeSession(session)
        self.users[session] = user or session
        self.send(SessionOpened(session, user or session))
        return self.sessions[session]

    def close(self, session: str) -> None:
        """A session ends, and what it ran."""
        del self.sessions[session]
        self.send(SessionClosed(session))

    def demand(
        self, session: str, *shapes: tuple[int, int, int], data_bytes: int = 0, loaded: tuple[tuple[str, int], ...] = ()
    ) -> list[Shares]:
        """A session states its demand: (cores, memory, count) each, and the data that all need."""
        return self.send(Demand(session, tuple(Shape(*shape, data_bytes) for shape in shapes), loaded))

    def read(self) -> None:
        """Everybody reads everything, and the arbiter too."""
        while any(session.inbox or session.outbox for session in self.sessions.values()):
            for session in list(self.sessions.values()):
                while session.inbox:
                    session.read()
                while session.outbox:
                    self.send(session.outbox.popleft())
            self.check()

    def fill(self) -> None:
        """Everybody runs all that they may."""
        for session in self.sessions.values():
            for machine, (cores, memory) in session.share.items():
                session.start(machine, cores, memory)
        self.check()

    def give_back(self) -> None:
        """What runs beyond the shares ends."""
        for session in self.sessions.values():
            for machine, (cores, memory) in list(session.running.items()):
                share = session.share.get(machine, NOTHING)
                if cores > share[0] or memory > share[1]:
                    session.running[machine] = (min(cores, share[0]), min(memory, share[1]))
                    session.say(machine)

    def advance(self, seconds: float) -> None:
        """Time passes: deadlines come, messages are read, nothing starts or ends."""
        until = self.now + seconds
        self.read()
        while (at := self.arbiter.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self.send(Elapsed())
            self.read()
        self.now = until

    def settle(self, limit_s: float = 60.0) -> None:
        """Demand stays as it is, whatever exceeds the shares ends: until the arbiter has nothing more to say."""
        until = self.now + limit_s
        while True:
            self.read()
            self.give_back()
            self.read()
            at = self.arbiter.deadline()
            if at is None:
                break
            assert at <= until, "the arbiter never comes to rest"
            self.now = max(self.now, at)
            self.send(Elapsed())

    def check(self) -> None:
        """What runs fits into the machines."""
        for machine, (cores, memory) in self.machines.items():
            running = [session.running.get(machine, NOTHING) for session in self.sessions.values()]
            assert sum(held for held, _ in running) <= cores, (machine, self.shares())
            assert sum(held for _, held in running) <= memory, (machine, self.shares())

    def shares(self) -> dict[str, dict[str, int]]:
        """Cores by session and machine, as the sessions know them."""
        return {
            name: {machine: cores for machine, (cores, _) in session.share.items() if cores}
            for name, session in self.sessions.items()
        }

    def cores(self) -> dict[str, int]:
        """Cores by session."""
        return {name: sum(share.values()) for name, share in self.shares().items()}
