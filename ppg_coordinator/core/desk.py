"""What the parts of the coordinator's core share: whom it knows, what is to be said, what the arbiter is to hear, and
what is to be looked at later.

Rules
- What is fed is taken in by the arbiter in one go at the end of an event: nothing is handed out in between.
- A reminder that has become pointless is not taken back: whoever gets it looks whether it still applies.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from ppg_protocol.codec import Message

from ..arbiter import Arbiter
from ..events import Event as ArbiterEvent
from .events import Instruction, Log, Tell, TurnAway
from .members import Daemon, Machine, Peer, Pipegraph


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds. `lease_s`: how long what a silent peer holds stays its own."""

    lease_s: float = 60.0
    heartbeat_s: float = 2.0
    revocation_s: float = 5.0
    """How long a revoked user's daemons may take to end their sessions before they are cut off."""
    forget_s: float = 3600.0
    """How long a daemon that was given up may take to return."""


@dataclass(frozen=True, slots=True, order=True)
class Reminder:
    """`what` to look at, of which session, machine or user."""

    at: float
    what: str
    keys: tuple[str, ...]


class Desk:
    """See the module."""

    def __init__(self, arbiter: Arbiter, settings: Settings, first_number: int, now: float) -> None:
        self.began_at = now
        self.arbiter = arbiter
        """To be asked only; what it is to hear is fed."""
        self.settings = settings
        self.peers: dict[bytes, Peer] = {}
        self.machines: dict[str, Machine] = {}
        self.pipegraphs: dict[str, Pipegraph] = {}
        self.drained: dict[str, None] = {}
        self.highest_number = first_number
        """Of all Shares ever said; a session that opens is numbered from there."""
        self.out: list[Instruction] = []
        self.fed: list[ArbiterEvent] = []
        self._reminders: list[Reminder] = []

    def tell(self, peer: Peer | None, message: Message) -> None:
        """Say it, unless nobody is there any more."""
        if peer is not None and not peer.is_gone:
            self.out.append(Tell(peer.identity, message))

    def turn_away(self, peer: Peer, reason: str) -> None:
        """Let go of a peer for good."""
        if not peer.is_gone:
            peer.is_gone = True
            self.peers.pop(peer.identity, None)
            self.out.append(TurnAway(peer.identity, reason))

    def log(self, text: str, is_trouble: bool = False) -> None:
        """Say it to the log."""
        self.out.append(Log(text, is_trouble))

    def feed(self, *events: ArbiterEvent) -> None:
        """For the arbiter."""
        self.fed.extend(events)

    def remind(self, at: float, what: str, *keys: str) -> None:
        """Look at it then."""
        heapq.heappush(self._reminders, Reminder(at, what, keys))

    def due(self, now: float) -> list[Reminder]:
        """What is to be looked at now, each once."""
        found: dict[tuple[str, tuple[str, ...]], Reminder] = {}
        while self._reminders and self._reminders[0].at <= now:
            reminder = heapq.heappop(self._reminders)
            found[reminder.what, reminder.keys] = reminder
        return list(found.values())

    def next_reminder(self) -> float | None:
        """When something is to be looked at."""
        return self._reminders[0].at if self._reminders else None

    def daemon(self, user: str, machine_id: str) -> Daemon | None:
        """The daemon of a user on a machine."""
        machine = self.machines.get(machine_id)
        return machine.daemons.get(user) if machine is not None else None

    def daemons_of(self, user: str) -> list[Daemon]:
        """All daemons of a user, also those that were given up."""
        return [machine.daemons[user] for machine in self.machines.values() if user in machine.daemons]

    def daemon_at(self, peer: Peer) -> Daemon | None:
        """The daemon that a peer is."""
        daemon = self.daemon(peer.user, peer.machine_id) if peer.machine_id is not None else None
        return daemon if daemon is not None and daemon.peer is peer else None

    def pipegraph_at(self, peer: Peer) -> Pipegraph | None:
        """The pipegraph that a peer runs."""
        graph = self.pipegraphs.get(peer.session) if peer.session is not None else None
        return graph if graph is not None and graph.peer is peer else None

    def host_name(self, machine_id: str) -> str:
        """A machine's name for readers."""
        machine = self.machines.get(machine_id)
        return machine.host if machine is not None else machine_id
