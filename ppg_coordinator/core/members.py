"""Whom the coordinator knows: peers, daemons and their supervisors, machines, pipegraphs. Plain state; the rules are in
`daemons` and `pipegraphs`."""

from __future__ import annotations

from dataclasses import dataclass, field

from ppg_protocol.cluster_messages import Demand, MachineSize, Register

NO_DEMAND = Demand((), 0)


@dataclass(slots=True, eq=False)
class Peer:
    """The other end of a link, and whose it is."""

    identity: bytes
    user: str
    role: str
    host: str
    is_owner: bool
    silent_since: float | None = None
    is_gone: bool = False
    """It can't come back under this identity."""
    machine_id: str | None = None
    """Whose daemon it is, if it is one."""
    session: str | None = None
    """Which pipegraph it runs, if it runs one."""
    has_finished: bool = False
    """Its run is over: that it is silent now is no news."""
    lapsed: Pipegraph | None = None
    """What it ran when it was silent for the lease."""


@dataclass(slots=True, eq=False)
class Supervisor:
    """One session on one daemon's machine, started or found there."""

    session: str
    epoch: int
    project: str
    started_at: float
    is_stopping: bool = False
    """StopSession was sent."""
    held: tuple[int, int] = (0, 0)
    """Cores and memory at most, at the time its daemon was given up."""


@dataclass(slots=True, eq=False)
class Rival:
    """A second daemon of a user for a machine, while the first may still live."""

    peer: Peer
    register: Register
    since: float


@dataclass(slots=True, eq=False)
class Daemon:
    """A ppg-slave, as of its Register.

    `is_given_up`: it was silent for the lease; what it held is counted no more, and it is kept in case it returns.
    """

    peer: Peer
    machine_id: str
    cores: int
    memory_bytes: int
    since: float
    supervisors: dict[str, Supervisor] = field(default_factory=dict)
    cleared: dict[str, int] = field(default_factory=dict)
    """By project: nothing of an epoch below runs there."""
    leaving: str | None = None
    is_revoked: bool = False
    is_given_up: bool = False
    rival: Rival | None = None
    presence: str = ""
    """Its name among the daemons of the machine."""

    @property
    def is_heard(self) -> bool:
        """Is its link up, as far as we know?"""
        return self.peer.silent_since is None and not self.peer.is_gone

    @property
    def is_missing(self) -> bool:
        """May something of it run that is not counted?"""
        return self.is_given_up and bool(self.supervisors)

    @property
    def is_useful(self) -> bool:
        """May its user's sessions get shares there?"""
        return self.peer.silent_since is None and self.leaving is None and not self.is_revoked and not self.is_given_up

    @property
    def state(self) -> str:
        """For `status`."""
        if self.is_given_up:
            return "lost"
        if self.peer.silent_since is not None:
            return "silent"
        return "leaving" if self.leaving is not None else "connected"


@dataclass(slots=True, eq=False)
class Machine:
    """All daemons with one machine id, by user. Its resources are the least of what they registered."""

    machine_id: str
    daemons: dict[str, Daemon] = field(default_factory=dict)
    awaited: dict[str, None] = field(default_factory=dict)
    """Presences of daemons that may have something running there that is not counted: nobody gets more until they
    are heard, or until `awaited_until`, if the machine is heard then."""
    awaited_until: float = float("-inf")

    @property
    def present(self) -> list[Daemon]:
        """Daemons that may have something running."""
        return [daemon for daemon in self.daemons.values() if not daemon.is_given_up]

    @property
    def is_heard(self) -> bool:
        """Is one of its daemons?"""
        return any(daemon.is_heard for daemon in self.daemons.values())

    @property
    def host(self) -> str:
        """Its name for readers."""
        daemons = self.present or list(self.daemons.values())
        return daemons[0].peer.host if daemons else self.machine_id

    @property
    def cores(self) -> int:
        """See the class."""
        return min((daemon.cores for daemon in self.present), default=0)

    @property
    def memory_bytes(self) -> int:
        """See the class."""
        return min((daemon.memory_bytes for daemon in self.present), default=0)

    @property
    def users(self) -> frozenset[str]:
        """Whose sessions may get shares of it."""
        return frozenset(user for user, daemon in self.daemons.items() if daemon.is_useful)


@dataclass(slots=True, eq=False)
class Attempts:
    """Supervisors of a session on one machine that ended by themselves."""

    failures: int = 0
    not_before: float = float("-inf")


@dataclass(slots=True, eq=False)
class Pipegraph:
    """A session. `peer` is None while its MCP has not come (back); it is known then from what slaves hold.

    `number` is that of the newest Shares, `shares` what they said; `is_decided`: there were any since we know it.
    `closing` says why it is being ended.
    """

    session: str
    user: str
    project: str
    epoch: int
    since: float
    number: int
    peer: Peer | None = None
    endpoint: str = ""
    demand: Demand = NO_DEMAND
    excluded: dict[str, str] = field(default_factory=dict)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_decided: bool = False
    attempts: dict[str, Attempts] = field(default_factory=dict)
    away_since: float | None = None
    closing: str | None = None
    comes_back: bool = False
    """To be opened again when it is closed: its MCP was silent for too long, and is heard again."""
    note: str = ""
    largest: tuple[MachineSize, ...] = ()
    """As told last, like the note."""
    note_at: float | None = None
    """When to tell it again why it has no more. Other reminders of that do not count."""

    @property
    def host(self) -> str:
        """Of its MCP."""
        return self.peer.host if self.peer is not None else "?"
