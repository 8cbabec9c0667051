"""A world for tests of the coordinator's core: daemons, MCPs and operators that keep to the contract of the messages,
over links that deliver in order but late.

What runs on a machine is counted apart from the coordinator's books: that is the truth that must never exceed it.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ppg_coordinator.core import Coordinator
from ppg_coordinator.core.desk import Settings
from ppg_coordinator.core.events import (
    Event,
    Instruction,
    Log,
    PeerArrived,
    PeerCameBack,
    PeerFellSilent,
    PeerLeft,
    PeerSpoke,
    Tell,
    Ticked,
    TurnAway,
)
from ppg_protocol.cluster_messages import (
    Answer,
    Ask,
    Cleared,
    CloseSession,
    Demand,
    DemandedShape,
    EndOlder,
    Exclude,
    HeldShare,
    Holding,
    Limit,
    MachineSize,
    OlderEnded,
    OpenSession,
    Register,
    SessionEnded,
    Shares,
    StartSession,
    StopSession,
    SupervisorEnded,
)
from ppg_protocol.codec import Message
from ppg_protocol.messages import Heartbeat

GB = 2**30
HEARTBEAT = Heartbeat((), (), 0)
NOTHING = (0, 0)
NO_DEMAND = Demand((), 0)


@dataclass
class Running:
    """A supervisor: the limit that it knows, and what it runs."""

    epoch: int
    project: str
    number: int = 0
    limit: tuple[int, int] = NOTHING
    runs: tuple[int, int] = NOTHING

    @property
    def held(self) -> tuple[int, int]:
        """What it promises."""
        return max(self.limit[0], self.runs[0]), max(self.limit[1], self.runs[1])


@dataclass
class Talker:
    """Any peer: what it is told waits in `inbox`, what it says in `outbox`."""

    identity: bytes
    user: str
    host: str
    role: str
    inbox: deque[Message] = field(default_factory=deque)
    outbox: deque[Message] = field(default_factory=deque)
    turned_away: str | None = None

    def read(self) -> None:
        """Take in the next message."""
        self.inbox.popleft()


@dataclass
class Slave(Talker):
    """A ppg-slave daemon."""

    machine_id: str = ""
    cores: int = 8
    memory: int = 64 * GB
    supervisors: dict[str, Running] = field(default_factory=dict)
    starts: int = 0
    is_dead: bool = False
    presence: str = ""

    def register(self, neighbours: tuple[str, ...] = ()) -> Register:
        """What it says first."""
        held = tuple(
            HeldShare(session, running.epoch, running.project, running.number, *running.held)
            for session, running in self.supervisors.items()
        )
        return Register(self.machine_id, self.cores, self.memory, held, self.presence, neighbours)

    def read(self) -> None:
        message = self.inbox.popleft()
        match message:
            case StartSession(session, epoch, project, _):
                assert session not in self.supervisors, "one supervisor per session"
                self.supervisors[session] = Running(epoch, project)
                self.starts += 1
            case Limit(session, number, cores, memory) if session in self.supervisors:
                running = self.supervisors[session]
                running.number, running.limit = number, (cores, memory)
                self.say_held(session)
            case StopSession(session, _):
                if self.supervisors.pop(session, None) is not None:
                    self.outbox.append(SessionEnded(session, 7, "stopped"))
                else:
                    self.outbox.append(SessionEnded(session, 0, "it does not run here", is_absent=True))
            case EndOlder(project, epoch):
                for session, running in list(self.supervisors.items()):
                    if running.project == project and running.epoch < epoch:
                        del self.supervisors[session]
                        self.outbox.append(SessionEnded(session, 7, "older"))
                self.outbox.append(OlderEnded(project, epoch))

    def say_held(self, session: str) -> None:
        """Holding, as of now."""
        running = self.supervisors[session]
        self.outbox.append(Holding(session, running.number, *running.held))

    def start(self, session: str, cores: int) -> None:
        """Run so many more single-core jobs, as far as the limit has room."""
        running = self.supervisors.get(session)
        if running is not None:
            running.runs = (max(running.runs[0], min(running.limit[0], running.runs[0] + cores)), 0)

    def finish(self, session: str, cores: int | None = None) -> None:
        """Jobs end."""
        running = self.supervisors.get(session)
        if running is not None:
            above = running.runs[0] > running.limit[0]
            running.runs = (0 if cores is None else max(0, running.runs[0] - cores), 0)
            if above:
                self.say_held(session)

    def fail(self, session: str, reason: str = "lease") -> None:
        """The supervisor leaves by itself."""
        if self.supervisors.pop(session, None) is not None:
            self.outbox.append(SessionEnded(session, 7, reason))


@dataclass
class Mcp(Talker):
    """The MCP of one pipegraph."""

    session: str = ""
    project: str = ""
    epoch: int = 1
    demand: Demand = NO_DEMAND
    shares: dict[str, int] = field(default_factory=dict)
    number: int = -1
    note: str = ""
    largest: tuple[MachineSize, ...] = ()
    cleared: list[str] = field(default_factory=list)
    lost: list[tuple[str, int, str]] = field(default_factory=list)

    def opening(self) -> OpenSession:
        """What it says first."""
        return OpenSession(self.session, self.epoch, self.project, f"tcp://{self.host}:1")

    def read(self) -> None:
        message = self.inbox.popleft()
        if isinstance(message, Shares):
            self.largest = message.largest
        match message:
            case Shares(_, _, note, False):
                self.note = note
            case Shares(number, machines, note):
                assert number >= self.number, "numbers never fall"
                assert all(share.cores > 0 or share.memory_bytes > 0 for share in machines)
                self.number, self.note = number, note
                self.shares = {share.machine_id: share.cores for share in machines if share.cores}
            case Cleared(machine_id, _):
                self.cleared.append(machine_id)
            case SupervisorEnded(machine_id, _, pid, reason):
                self.lost.append((machine_id, pid, reason))


class World:
    """Everything together."""

    def __init__(self, grace_s: float = 0.0, lease_s: float = 60.0, first_number: int = 0) -> None:
        self.now = 0.0
        self.settings = Settings(lease_s=lease_s)
        self.core = Coordinator(self.now, grace_s, self.settings, first_number)
        self.slaves: dict[str, Slave] = {}
        self.mcps: dict[str, Mcp] = {}
        self.talkers: dict[bytes, Talker] = {}
        self.silent: set[bytes] = set()
        self.other: list[Instruction] = []
        """What the shell is to do beside talking."""
        self.log: list[str] = []
        self._identities = 0

    def send(self, event: Event) -> None:
        """One event for the core."""
        out = self.core.handle(event, self.now)
        self.core.sanity_check()
        for instruction in out:
            match instruction:
                case Tell(peer, message):
                    if peer in self.talkers:
                        self.talkers[peer].inbox.append(message)
                case TurnAway(peer, reason):
                    self.talkers[peer].turned_away = reason
                    self.talkers[peer].outbox.clear()
                case Log(text):
                    self.log.append(text)
                case _:
                    self.other.append(instruction)

    def say(self, talker: Talker, message: Message) -> None:
        """It says this now."""
        if talker.turned_away is None:
            self.send(PeerSpoke(talker.identity, message))

    def identity(self) -> bytes:
        """Of a new link."""
        self._identities += 1
        return b"peer%d" % self._identities

    def arrive(self, talker: Talker, is_owner: bool = False) -> None:
        """Its link is up."""
        self.talkers[talker.identity] = talker
        self.send(PeerArrived(talker.identity, talker.user, talker.role, talker.host, is_owner))

    # ------------------------------------------------------------------------------------------------------- slaves

    def slave(self, name: str, user: str, machine: str | None = None, cores: int = 8) -> Slave:
        """A daemon starts, and registers."""
        machine = machine or name
        slave = Slave(self.identity(), user, f"host-{machine}", "slave", machine_id=machine, cores=cores)
        slave.presence = slave.identity.hex()
        self.slaves[name] = slave
        self.arrive(slave)
        self.register(slave)
        return slave

    def register(self, slave: Slave) -> None:
        """It says so, and which others live on its machine."""
        others = [
            other for other in self.slaves.values() if other.machine_id == slave.machine_id and other is not slave
        ]
        self.say(slave, slave.register(tuple(other.presence for other in others)))

    def reconnect(self, talker: Talker) -> None:
        """The same process has a new link: the coordinator is another one."""
        talker.identity, talker.turned_away = self.identity(), None
        talker.inbox.clear()
        talker.outbox.clear()
        self.arrive(talker)
        if isinstance(talker, Slave):
            self.register(talker)
        elif isinstance(talker, Mcp):
            talker.number = -1
            self.say(talker, talker.opening())
            self.say(talker, talker.demand)

    def kill(self, name: str) -> Slave:
        """A daemon and all that it runs are gone; the coordinator learns it by silence alone."""
        slave = self.slaves.pop(name)
        slave.supervisors.clear()
        slave.outbox.clear()
        slave.is_dead = True
        return slave

    def fall_silent(self, talker: Talker) -> None:
        """The link reports silence."""
        if talker.turned_away is None and talker.identity not in self.silent:
            self.silent.add(talker.identity)
            self.send(PeerFellSilent(talker.identity, self.now))

    def come_back(self, talker: Talker) -> None:
        """It is heard again."""
        if talker.turned_away is None and talker.identity in self.silent:
            self.silent.discard(talker.identity)
            self.send(PeerCameBack(talker.identity))

    def lose(self, talker: Talker, reason: str = "garbage") -> None:
        """Its link has ended for good."""
        self.send(PeerLeft(talker.identity, reason))
        talker.turned_away = reason

    # ---------------------------------------------------------------------------------------------------- pipegraphs

    def mcp(self, session: str, user: str, project: str | None = None, epoch: int = 1) -> Mcp:
        """A pipegraph starts."""
        mcp = Mcp(self.identity(), user, "desk", "mcp", session=session, project=project or f"/{session}", epoch=epoch)
        self.mcps[session] = mcp
        self.arrive(mcp)
        self.say(mcp, mcp.opening())
        return mcp

    def demand(self, mcp: Mcp, *shapes: tuple[int, int, int], resident: int = 0) -> None:
        """What it wants: (cores, memory, count) each."""
        mcp.demand = Demand(tuple(DemandedShape(*shape) for shape in shapes), resident)
        self.say(mcp, mcp.demand)

    def exclude(self, mcp: Mcp, machine: str) -> None:
        """It can't work there."""
        self.say(mcp, Exclude(machine, "other Python"))

    def close(self, mcp: Mcp) -> None:
        """Its run is over."""
        self.say(mcp, CloseSession(mcp.session))

    # ----------------------------------------------------------------------------------------------------- operators

    def ask(self, what: str, *arguments: str, user: str = "owner", is_owner: bool = True) -> Answer:
        """An operator asks."""
        operator = Talker(self.identity(), user, "desk", "operator")
        self.arrive(operator, is_owner)
        self.say(operator, Ask(what, arguments))
        (answer,) = operator.inbox
        assert isinstance(answer, Answer)
        return answer

    def status(self) -> dict[str, Any]:
        """The document."""
        document = json.loads(self.ask("status").document)
        assert isinstance(document, dict)
        return document

    def waits(self, session: str) -> str:
        """Why a pipegraph has no more."""
        (found,) = [graph["waits"] for graph in self.status()["pipegraphs"] if graph["session"] == session]
        assert isinstance(found, str)
        return found

    # ---------------------------------------------------------------------------------------------------------- time

    def living(self) -> list[Talker]:
        """All that read and speak."""
        return [
            talker
            for talker in [*self.slaves.values(), *self.mcps.values()]
            if talker.turned_away is None and talker.identity not in self.silent
        ]

    def read(self) -> None:
        """Everybody reads everything."""
        while any(talker.inbox or talker.outbox for talker in self.living()):
            for talker in self.living():
                while talker.inbox:
                    talker.read()
                while talker.outbox:
                    self.say(talker, talker.outbox.popleft())
            self.check()

    def fill(self) -> None:
        """Every supervisor runs all that it may."""
        for slave in self.slaves.values():
            for session in slave.supervisors:
                slave.start(session, 1000)
        self.check()

    def give_back(self) -> None:
        """What runs beyond the limits ends."""
        for slave in self.slaves.values():
            for session, running in slave.supervisors.items():
                if running.runs[0] > running.limit[0]:
                    running.runs = (running.limit[0], 0)
                    slave.say_held(session)

    def advance(self, seconds: float) -> None:
        """Time passes, messages are read, nothing starts or ends."""
        until = self.now + seconds
        self.read()
        while (at := self.core.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self.send(Ticked())
            self.read()
        self.now = until

    def settle(self, rounds: int = 30) -> None:
        """Until shares have moved to where they belong."""
        for _ in range(rounds):
            self.advance(0.2)
            self.give_back()
        self.read()

    def check(self) -> None:
        """What runs fits into the machines, of which a dead daemon's part is free."""
        machines = {slave.machine_id for slave in self.slaves.values()}
        for machine in machines:
            here = [slave for slave in self.slaves.values() if slave.machine_id == machine]
            runs = sum(running.runs[0] for slave in here for running in slave.supervisors.values())
            assert runs <= min(slave.cores for slave in here), machine
