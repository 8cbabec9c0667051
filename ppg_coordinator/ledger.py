"""Who may use what of each machine, and who may still be using it: the safety half of the arbiter.

A claim (one session on one machine) has three pairs of numbers:
- target: what `balance` wants it to have. The targets on a machine fit into it.
- granted: what the newest Shares says. It follows the target down at once, and up as far as there is room.
- ceiling: what the session may be using, at most. It follows `granted` up at once, and comes down only by a
  `Held` of the session.

Invariant: granted <= ceiling, and the ceilings on a machine fit into it, always. When a machine shrinks, or a
session turns up that holds more than is there, they may exceed it by what is there at that moment
(`Host.excess_*`); from then on they only fall until they fit.

So whatever `balance` wants, no machine is overcommitted; and once everybody has acknowledged, everybody has their
target.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .appetite import Appetite, Key
from .turn import Turn, TurnState


@dataclass(slots=True, eq=False)
class Claim:
    """One session on one machine, see the module. `used_*`: the part of the target that its demand fills; the rest
    is surplus."""

    host: Host
    claimant: Claimant
    target_cores: int = 0
    target_bytes: int = 0
    granted_cores: int = 0
    granted_bytes: int = 0
    ceiling_cores: int = 0
    ceiling_bytes: int = 0
    lowered_at: int = 0
    """The number of the newest Shares that lowered it: a Held that doesn't know of that is stale."""
    used_cores: int = 0
    used_bytes: int = 0
    unit_cores: int = 0
    unit_bytes: int = 0
    """The smallest job that is counted in `used_*`."""
    data_bytes: int = 0
    """The part of `used_bytes` that is for loaded data."""

    @property
    def turn(self) -> Turn | None:
        """The turn that this session has on this machine."""
        turn = self.host.turn
        return turn if turn is not None and turn.session == self.claimant.session else None

    @property
    def limit(self) -> tuple[int, int]:
        """What may be granted: the target, without what a turn keeps back."""
        turn = self.turn
        if turn is None or turn.state is TurnState.READY:
            return self.target_cores, self.target_bytes
        return self.target_cores - turn.cores, self.target_bytes - turn.memory_bytes


@dataclass(slots=True, eq=False)
class Host:
    """A machine. The sums are those over its claims."""

    name: str
    cores: int
    memory_bytes: int
    drained: bool = False
    users: frozenset[str] | None = None
    """Whose sessions may use it; None: everybody's."""
    withheld: bool = False
    """Nobody gets more than they hold."""
    excluded: frozenset[str] = frozenset()
    """Sessions that can't work there."""
    claims: dict[str, Claim] = field(default_factory=dict)
    turn: Turn | None = None
    rests_until: float = float("-inf")
    """Not to be drained for another turn before."""
    target_cores: int = 0
    target_bytes: int = 0
    used_cores: int = 0
    used_bytes: int = 0
    ceiling_cores: int = 0
    ceiling_bytes: int = 0
    excess_cores: int = 0
    excess_bytes: int = 0
    """Ceilings may be as high as this, if that is above the capacity."""

    def room(self, claimant: Claimant) -> tuple[int, int]:
        """Cores and memory that are free for a session, its own loaded data included: that stays when jobs end."""
        claim = self.claims.get(claimant.session)
        own_bytes = min(claim.ceiling_bytes, claimant.loaded.get(self.name, 0)) if claim is not None else 0
        return self.free_cores, self.free_bytes + own_bytes

    @property
    def free_cores(self) -> int:
        """May be granted to anybody."""
        return 0 if self.withheld else self.cores - self.ceiling_cores

    @property
    def free_bytes(self) -> int:
        """Likewise."""
        return 0 if self.withheld else self.memory_bytes - self.ceiling_bytes

    def admits(self, claimant: Claimant) -> bool:
        """May this session use it? Invariant: who may not has no target there."""
        return (self.users is None or claimant.user in self.users) and claimant.session not in self.excluded


@dataclass(slots=True, eq=False)
class Claimant:
    """A session. `shapes`, `costs`, `left` and `used_*` belong to `fitting`."""

    session: str
    user: str
    order: int
    appetite: Appetite = field(default_factory=Appetite)
    loaded: dict[str, int] = field(default_factory=dict)
    """What its data takes, by machine."""
    claims: dict[str, Claim] = field(default_factory=dict)
    announced: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Held on machines that have not joined."""
    excluded: dict[str, None] = field(default_factory=dict)
    """Machines that it can't work on."""
    number: int = 0
    changed: bool = False
    """Its shares are not those of the newest Shares."""
    stale: bool = True
    """To be fitted again."""
    shapes: list[Key] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    """Jobs per shape that have no place in the targets."""
    costs: dict[tuple[int, int], list[tuple[int, int] | None]] = field(default_factory=dict)
    used_cores: int = 0
    used_bytes: int = 0


class Ledger:
    """All machines and sessions. Every change of a target or a ceiling goes through here."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.claimants: dict[str, Claimant] = {}
        self.touched: dict[str, None] = {}
        """Machines to settle."""
        self.moves = 0
        """How often a target or a turn changed: the balance is struck again until it doesn't rise."""

    def claim(self, host: Host, claimant: Claimant) -> Claim:
        """The claim of a session on a machine, made if need be."""
        claim = host.claims.get(claimant.session)
        if claim is None:
            claim = Claim(host, claimant)
            host.claims[claimant.session] = claim
            claimant.claims[host.name] = claim
        return claim

    def set_target(self, claim: Claim, cores: int, memory_bytes: int) -> None:
        """What it should have from now on; memory alone is of no use. `settle` makes it so."""
        host = claim.host
        memory_bytes = memory_bytes if cores else 0
        if (cores, memory_bytes) == (claim.target_cores, claim.target_bytes):
            return
        self.moves += 1
        host.target_cores += cores - claim.target_cores
        host.target_bytes += memory_bytes - claim.target_bytes
        claim.target_cores, claim.target_bytes = cores, memory_bytes
        self.touched[host.name] = None

    def set_used(self, claim: Claim, cores: int, memory_bytes: int, data_bytes: int = 0) -> None:
        """How much of it the demand fills, `data_bytes` of that with loaded data."""
        host, claimant = claim.host, claim.claimant
        memory_bytes = memory_bytes if cores else 0
        host.used_cores += cores - claim.used_cores
        claimant.used_cores += cores - claim.used_cores
        host.used_bytes += memory_bytes - claim.used_bytes
        claimant.used_bytes += memory_bytes - claim.used_bytes
        claim.used_cores, claim.used_bytes = cores, memory_bytes
        claim.data_bytes = min(data_bytes, memory_bytes)

    def set_ceiling(self, claim: Claim, cores: int, memory_bytes: int) -> None:
        """What it may be using from now on."""
        host = claim.host
        host.ceiling_cores += cores - claim.ceiling_cores
        host.ceiling_bytes += memory_bytes - claim.ceiling_bytes
        claim.ceiling_cores, claim.ceiling_bytes = cores, memory_bytes
        self.touched[host.name] = None

    def hold(self, claim: Claim, cores: int, memory_bytes: int) -> None:
        """The session says what it holds. More than was known is kept as a target as far as nobody else has it."""
        host = claim.host
        rises = cores > claim.ceiling_cores or memory_bytes > claim.ceiling_bytes
        self.set_ceiling(claim, max(cores, claim.granted_cores), max(memory_bytes, claim.granted_bytes))
        if rises:
            if not host.drained and host.turn is None and host.admits(claim.claimant):
                free_cores, free_bytes = host.cores - host.target_cores, host.memory_bytes - host.target_bytes
                self.set_target(
                    claim,
                    max(claim.target_cores, min(cores, claim.target_cores + free_cores)),
                    max(claim.target_bytes, min(memory_bytes, claim.target_bytes + free_bytes)),
                )
            claim.claimant.stale = True
            self.tolerate(host)
        host.excess_cores = min(host.excess_cores, host.ceiling_cores)
        host.excess_bytes = min(host.excess_bytes, host.ceiling_bytes)

    def load(self, claimant: Claimant, loaded: dict[str, int]) -> None:
        """The session says what its data takes, by machine: that is not in its own way, so a turn may begin."""
        before, claimant.loaded = claimant.loaded, loaded
        for name in {**before, **loaded}:
            if name in claimant.claims and before.get(name) != loaded.get(name):
                self.touched[name] = None

    def tolerate(self, host: Host) -> None:
        """More may be in use than is there: take note of how much, nothing is killed."""
        host.excess_cores, host.excess_bytes = host.ceiling_cores, host.ceiling_bytes

    def evict(self, host: Host) -> None:
        """Take their targets from those that may not use the machine any more; what they hold is theirs until they
        say otherwise."""
        for claim in host.claims.values():
            if not host.admits(claim.claimant):
                assert claim.turn is None, "end the turn first"
                self.set_used(claim, 0, 0)
                self.set_target(claim, 0, 0)
                claim.claimant.stale = True

    def cut(self, host: Host, spare: Claim | None = None) -> None:
        """Lower targets until they fit: surplus first, then who has most there, but not `spare` nor a turn. What is
        left without room for the data that is loaded there is of no use, and lowered to nothing: then that is given
        up, else it would be in the way for ever."""
        self._lower_all(host, spare)
        for claim in host.claims.values():
            idle = claim is not spare and claim.turn is None and claim.target_cores and not claim.used_cores
            if idle and claim.target_bytes < claim.claimant.loaded.get(host.name, 0):
                self.set_target(claim, 0, 0)

    def _lower_all(self, host: Host, spare: Claim | None) -> None:
        cores, memory = (0, 0) if host.drained else (host.cores, host.memory_bytes)
        others = [claim for claim in host.claims.values() if claim is not spare]
        for claim in others:
            over_cores, over_bytes = host.target_cores - cores, host.target_bytes - memory
            if over_cores <= 0 and over_bytes <= 0:
                return
            self._lower(
                claim,
                min(max(0, over_cores), claim.target_cores - claim.used_cores),
                min(max(0, over_bytes), claim.target_bytes - claim.used_bytes),
            )
        for claim in sorted(others, key=lambda claim: -claim.used_cores):
            over_cores, over_bytes = host.target_cores - cores, host.target_bytes - memory
            if over_cores <= 0 and over_bytes <= 0:
                return
            kept_cores, kept_bytes = (claim.turn.cores, claim.turn.memory_bytes) if claim.turn else (0, 0)
            self._lower(
                claim,
                min(max(0, over_cores), claim.target_cores - kept_cores),
                min(max(0, over_bytes), claim.target_bytes - kept_bytes),
            )
            claim.claimant.stale = True

    def _lower(self, claim: Claim, cores: int, memory_bytes: int) -> None:
        self.set_target(claim, claim.target_cores - cores, claim.target_bytes - memory_bytes)
        used_cores, used_bytes = min(claim.used_cores, claim.target_cores), min(claim.used_bytes, claim.target_bytes)
        self.set_used(claim, used_cores, used_bytes, claim.data_bytes)

    def settle(self, host: Host, now: float) -> None:
        """Let what is granted follow the targets: down at once, up as far as there is room."""
        for claim in host.claims.values():
            cores, memory = claim.limit
            if cores < claim.granted_cores or memory < claim.granted_bytes:
                claim.granted_cores = min(claim.granted_cores, cores)
                claim.granted_bytes = min(claim.granted_bytes, memory)
                claim.lowered_at = claim.claimant.number + 1
                claim.claimant.changed = True
        turn, set_aside_cores, set_aside_bytes = host.turn, 0, 0
        if turn is not None and turn.state is TurnState.DRAINING:
            if turn.may_start(*host.room(self.claimants[turn.session])):
                turn.state, turn.ready_at = TurnState.READY, now
            else:
                set_aside_cores, set_aside_bytes = turn.cores, turn.memory_bytes
        claims = list(host.claims.values())
        if turn is not None:
            claims.sort(key=lambda claim: claim.turn is None)
        for claim in claims:
            room_cores = max(0, host.free_cores - set_aside_cores)
            room_bytes = max(0, host.free_bytes - set_aside_bytes)
            self._raise(claim, room_cores, room_bytes)
            if not (claim.target_cores or claim.target_bytes or claim.ceiling_cores or claim.ceiling_bytes):
                self.set_used(claim, 0, 0)
                del host.claims[claim.claimant.session]
                del claim.claimant.claims[host.name]

    def _raise(self, claim: Claim, room_cores: int, room_bytes: int) -> None:
        cores, memory = claim.limit
        cores = max(claim.granted_cores, min(cores, claim.ceiling_cores + room_cores))
        memory = max(claim.granted_bytes, min(memory, claim.ceiling_bytes + room_bytes))
        if cores == claim.granted_cores and memory == claim.granted_bytes:
            return
        claim.granted_cores, claim.granted_bytes = cores, memory
        claim.claimant.changed = True
        if cores > claim.ceiling_cores or memory > claim.ceiling_bytes:
            self.set_ceiling(claim, max(cores, claim.ceiling_cores), max(memory, claim.ceiling_bytes))

    def drop_host(self, host: Host) -> None:
        """A machine is gone, with all claims on it."""
        for claim in list(host.claims.values()):
            self._forget(claim)
        del self.hosts[host.name]
        self.touched.pop(host.name, None)

    def drop_claimant(self, claimant: Claimant) -> None:
        """A session is over."""
        for claim in list(claimant.claims.values()):
            self._end(claim)
        del self.claimants[claimant.session]
        for host in self.hosts.values():
            if claimant.session in host.excluded:
                host.excluded -= {claimant.session}

    def vacate(self, host: Host, user: str) -> None:
        """What this user's sessions held there is gone."""
        for claim in list(host.claims.values()):
            if claim.claimant.user == user:
                self._end(claim)
        self.touched[host.name] = None

    def _end(self, claim: Claim) -> None:
        if claim.turn is not None:
            claim.host.turn = None
        self._forget(claim)

    def _forget(self, claim: Claim) -> None:
        if claim.granted_cores or claim.granted_bytes:
            claim.claimant.changed = True
        claim.claimant.stale = True
        self.set_used(claim, 0, 0)
        self.set_target(claim, 0, 0)
        self.set_ceiling(claim, 0, 0)
        host = claim.host
        host.excess_cores = min(host.excess_cores, host.ceiling_cores)
        host.excess_bytes = min(host.excess_bytes, host.ceiling_bytes)
        del host.claims[claim.claimant.session]
        del claim.claimant.claims[host.name]
