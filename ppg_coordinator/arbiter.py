"""The arbiter: who may use how much of which machine. A pure core: events in, Shares out, no clock, no I/O.

    events ─> Appetite (what is wanted) ─> Balance (targets: who should) ─> Ledger (granted: who may) ─> Shares

Embedded it serves one session on one machine; in the coordinator many. The rules of fairness are in `balance` and
`fair`, those of jobs that need a machine for themselves in `turns`, the safety of what is handed out in `ledger`,
the contract with sessions in `events`.

Pace. Events are only noted, in time that does not grow with the cluster. The balance is struck at once when the
last time is `PAUSE_S` ago, else when that has passed: `deadline` says when to send `Elapsed`. A storm of events
costs ten balances a second.

A restarted arbiter knows nothing. Until `grace_until` it only listens (sessions go on with what they hold, and
say what that is), then it starts from there.

Invariant, see `ledger`: what sessions may be using of a machine never exceeds it.
"""

from __future__ import annotations

from collections.abc import Iterable

from .balance import Balance
from .events import (
    Demand,
    Elapsed,
    Event,
    Excluded,
    Held,
    Instruction,
    MachineDrained,
    MachineJoined,
    MachineLeft,
    MachineUndrained,
    SessionClosed,
    SessionOpened,
    Shares,
    Use,
    Vacated,
)
from .ledger import Claimant, Host, Ledger
from .reasons import HostName, why_waiting
from .turn import TurnState

PAUSE_S = 0.1
MAX_ANNOUNCED = 10_000
"""Machines that a session says it holds something on, and that have not joined; and machines that it excludes."""


class Arbiter:
    """See the module. A session or machine that is not known is ignored: its goodbye has overtaken its messages."""

    def __init__(self, grace_until: float = float("-inf")) -> None:
        self.grace_until = grace_until
        self._ledger = Ledger()
        self._balance = Balance(self._ledger)
        self._dirty = False
        self._paused_until = float("-inf")
        self._orders = 0
        self._size = (0, 0)
        """Cores and machines in use."""

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Take one event in. Instructions are to be sent in their order."""
        return self.handle_all((event,), now)

    def handle_all(self, events: Iterable[Event], now: float) -> list[Instruction]:
        """Take in what happened at once: nothing is handed out between these events."""
        for event in events:
            self._note(event, now)
        return self._act(now)

    def _note(self, event: Event, now: float) -> None:
        match event:
            case Demand():
                self._demand(event, now)
            case Held():
                self._held(event, now)
            case MachineJoined():
                self._machine_joined(event, now)
            case MachineLeft(machine):
                self._machine_left(machine, now)
            case Vacated(machine, user):
                if machine in self._ledger.hosts:
                    self._ledger.vacate(self._ledger.hosts[machine], user)
                    self._dirty = True
            case Excluded():
                self._excluded(event, now)
            case MachineDrained(machine):
                self._drain(machine, True, now)
            case MachineUndrained(machine):
                self._drain(machine, False, now)
            case SessionOpened():
                self._session_opened(event)
            case SessionClosed(session):
                if session in self._ledger.claimants:
                    self._ledger.drop_claimant(self._ledger.claimants[session])
                    self._dirty = True
            case Elapsed():
                pass

    def deadline(self) -> float | None:
        """When to send Elapsed, unless something else comes before; None: no need."""
        times = [c.appetite.falls_at for c in self._ledger.claimants.values() if c.appetite.falls_at is not None]
        if self._balance.turns.wakes_at is not None:
            times.append(self._balance.turns.wakes_at)
        if self._is_due:
            times.append(self._paused_until)
        return max(min(times), self._paused_until, self.grace_until) if times else None

    def uses(self) -> list[Use]:
        """Who has what, machine by machine."""
        return [
            Use(host.name, session, claim.granted_cores, claim.granted_bytes, claim.ceiling_cores, claim.ceiling_bytes)
            for host in self._ledger.hosts.values()
            for session, claim in host.claims.items()
        ]

    def held(self, session: str, machine: str) -> tuple[int, int]:
        """Cores and memory that a session may be using of a machine, at most."""
        host = self._ledger.hosts.get(machine)
        claim = host.claims.get(session) if host is not None else None
        return (claim.ceiling_cores, claim.ceiling_bytes) if claim is not None else (0, 0)

    def why_waiting(self, session: str, name: HostName) -> str:
        """What keeps jobs of a session waiting, in words; empty if nothing does. `name`: of a machine, for readers."""
        claimant = self._ledger.claimants.get(session)
        return "" if claimant is None else why_waiting(self._ledger, self._balance.turns.queue, claimant, name)

    def largest(self, session: str) -> list[tuple[int, int]]:
        """Cores and memory of the machines that a session may use, drained ones too; without those that another one
        exceeds in both."""
        claimant = self._ledger.claimants.get(session)
        if claimant is None:
            return []
        sizes = {(host.cores, host.memory_bytes) for host in self._ledger.hosts.values() if host.admits(claimant)}
        largest: list[tuple[int, int]] = []
        for size in sorted(sizes, reverse=True):
            if not largest or size[1] > largest[-1][1]:
                largest.append(size)
        return largest

    # -------------------------------------------------------------------------------------------------------- events

    def _demand(self, event: Demand, now: float) -> None:
        claimant = self._ledger.claimants.get(event.session)
        if claimant is None:
            return
        changed = claimant.appetite.state(event.shapes, *self._size, now)
        loaded = {machine: data_bytes for machine, data_bytes in event.loaded if data_bytes > 0}
        if changed or claimant.loaded != loaded:
            self._ledger.load(claimant, loaded)
            claimant.stale = True
            self._dirty = True

    def _held(self, event: Held, now: float) -> None:
        claimant = self._ledger.claimants.get(event.session)
        if claimant is None:
            return
        host = self._ledger.hosts.get(event.machine)
        if host is None:
            if len(claimant.announced) < MAX_ANNOUNCED:
                claimant.announced[event.machine] = (event.cores, event.memory_bytes)
            return
        claim = host.claims.get(event.session)
        if claim is None:
            if event.cores <= 0 and event.memory_bytes <= 0:
                return
            claim = self._ledger.claim(host, claimant)
        if event.number < claim.lowered_at:
            return
        self._ledger.hold(claim, event.cores, event.memory_bytes)
        if event.number == 0:
            claimant.changed = True  # it may go by an older share, and is to be told this one, be it the same
        turn = host.turn
        self._balance.turns.release(host, now)
        if claimant.stale or turn is not host.turn:
            self._dirty = True

    def _machine_joined(self, event: MachineJoined, now: float) -> None:
        host = self._ledger.hosts.get(event.machine)
        if host is None:
            host = Host(event.machine, event.cores, event.memory_bytes, event.drained, event.users, event.withheld)
            self._ledger.hosts[event.machine] = host
            host.excluded = frozenset(c.session for c in self._ledger.claimants.values() if host.name in c.excluded)
            for claimant in self._ledger.claimants.values():
                announced = claimant.announced.pop(event.machine, None)
                if announced is not None:
                    self._ledger.hold(self._ledger.claim(host, claimant), *announced)
        else:
            before = (host.cores, host.memory_bytes, host.drained)
            host.cores, host.memory_bytes, host.drained = event.cores, event.memory_bytes, event.drained
            host.users, host.withheld = event.users, event.withheld
            turn = host.turn
            if turn is not None and (
                before != (host.cores, host.memory_bytes, host.drained)
                or not host.admits(self._ledger.claimants[turn.session])
            ):
                self._balance.turns.cancel(host)
            self._ledger.evict(host)
            for claim in host.claims.values():
                claim.claimant.stale = True
            self._ledger.cut(host)
            self._ledger.tolerate(host)
            self._ledger.touched[host.name] = None
        self._machines_changed(now)

    def _machine_left(self, machine: str, now: float) -> None:
        host = self._ledger.hosts.get(machine)
        if host is None:
            return
        if host.turn is not None:
            self._balance.turns.cancel(host)
        self._ledger.drop_host(host)
        self._machines_changed(now)

    def _drain(self, machine: str, drained: bool, now: float) -> None:
        host = self._ledger.hosts.get(machine)
        if host is None or host.drained == drained:
            return
        host.drained = drained
        if drained:
            if host.turn is not None:
                self._balance.turns.cancel(host)
            self._ledger.cut(host)
        self._machines_changed(now)

    def _excluded(self, event: Excluded, now: float) -> None:
        claimant = self._ledger.claimants.get(event.session)
        if claimant is None or (event.machine in claimant.excluded) == event.excluded:
            return
        if event.excluded:
            if len(claimant.excluded) >= MAX_ANNOUNCED:
                return
            claimant.excluded[event.machine] = None
        else:
            del claimant.excluded[event.machine]
        host = self._ledger.hosts.get(event.machine)
        if host is None:
            return
        if host.turn is not None and host.turn.session == event.session:
            self._balance.turns.cancel(host)
        host.excluded = host.excluded ^ {event.session}
        self._ledger.evict(host)
        claimant.stale = True
        self._dirty = True

    def _session_opened(self, event: SessionOpened) -> None:
        known = self._ledger.claimants.get(event.session)
        if known is not None:
            known.changed = True
            self._dirty = True
            return
        self._orders += 1
        claimant = Claimant(event.session, event.user, self._orders, number=event.number)
        self._ledger.claimants[event.session] = claimant
        if event.number:
            claimant.changed = self._dirty = True

    def _machines_changed(self, now: float) -> None:
        hosts = [host for host in self._ledger.hosts.values() if not host.drained]
        self._size = sum(host.cores for host in hosts), len(hosts)
        self._dirty = True
        for claimant in self._ledger.claimants.values():
            if claimant.appetite.restate(*self._size, now):
                claimant.stale = True

    # ------------------------------------------------------------------------------------------------------- balance

    @property
    def _is_due(self) -> bool:
        return self._dirty or bool(self._ledger.touched)

    def _act(self, now: float) -> list[Instruction]:
        if now < max(self.grace_until, self._paused_until):
            return []
        for claimant in self._ledger.claimants.values():
            if claimant.appetite.elapse(now):
                claimant.stale = True
                self._dirty = True
        wakes_at = self._balance.turns.wakes_at
        if wakes_at is not None and now >= wakes_at:
            self._dirty = True
        if not self._is_due:
            return []
        before = self._ledger.moves
        worked = self._dirty and self._balance.run(now)
        self._dirty = self._ledger.moves != before
        self._settle(now)
        out = self._shares()
        if out or worked or self._dirty:
            self._paused_until = now + PAUSE_S
        return out

    def _settle(self, now: float) -> None:
        touched = list(self._ledger.touched)
        self._ledger.touched.clear()
        for machine in touched:
            host = self._ledger.hosts[machine]
            state = host.turn.state if host.turn is not None else None
            self._ledger.settle(host, now)
            if host.turn is not None and host.turn.state is not state:
                self._dirty = True
        self._ledger.touched.clear()

    def _shares(self) -> list[Instruction]:
        out: list[Instruction] = []
        for claimant in self._ledger.claimants.values():
            if not claimant.changed:
                continue
            claimant.changed = False
            claimant.number += 1
            machines = tuple(
                (claim.host.name, claim.granted_cores, claim.granted_bytes)
                for claim in claimant.claims.values()
                if claim.granted_cores or claim.granted_bytes
            )
            out.append(Shares(claimant.session, claimant.number, machines))
        return out

    # --------------------------------------------------------------------------------------------------------- tests

    def sanity_check(self) -> None:
        """Cross-check the whole state; for tests and simulations."""
        for host in self._ledger.hosts.values():
            _check_host(host)
        for claimant in self._ledger.claimants.values():
            claims = claimant.claims.values()
            assert claimant.used_cores == sum(claim.used_cores for claim in claims), claimant.session
            assert claimant.used_bytes == sum(claim.used_bytes for claim in claims), claimant.session
            for claim in claims:
                assert claim.host.claims[claimant.session] is claim, (claimant.session, claim.host.name)
                assert self._ledger.hosts[claim.host.name] is claim.host, (claimant.session, claim.host.name)


def _check_host(host: Host) -> None:
    claims = list(host.claims.values())
    facts = (host.name, host.cores, host.memory_bytes, [_numbers(claim) for claim in claims])
    assert host.target_cores == sum(claim.target_cores for claim in claims), facts
    assert host.target_bytes == sum(claim.target_bytes for claim in claims), facts
    assert host.ceiling_cores == sum(claim.ceiling_cores for claim in claims), facts
    assert host.ceiling_bytes == sum(claim.ceiling_bytes for claim in claims), facts
    assert host.used_cores == sum(claim.used_cores for claim in claims), facts
    assert host.used_bytes == sum(claim.used_bytes for claim in claims), facts
    assert host.target_cores <= (0 if host.drained else host.cores), facts
    assert host.target_bytes <= (0 if host.drained else host.memory_bytes), facts
    assert host.ceiling_cores <= max(host.cores, host.excess_cores), facts
    assert host.ceiling_bytes <= max(host.memory_bytes, host.excess_bytes), facts
    for claim in claims:
        assert claim.target_cores == 0 or host.admits(claim.claimant), facts
        assert 0 <= claim.used_cores <= claim.target_cores, facts
        assert 0 <= claim.used_bytes <= claim.target_bytes, facts
        assert 0 <= claim.granted_cores <= claim.ceiling_cores, facts
        assert 0 <= claim.granted_bytes <= claim.ceiling_bytes, facts
    if host.turn is not None:
        claim = host.claims[host.turn.session]
        assert claim.target_cores >= host.turn.cores, facts
        assert claim.target_bytes >= host.turn.memory_bytes, facts
        assert host.turn.state is not TurnState.READY or host.turn.ready_at < float("inf"), facts


def _numbers(claim: object) -> str:
    names = ("target", "granted", "ceiling", "used")
    pairs = [f"{name} {getattr(claim, name + '_cores')}/{getattr(claim, name + '_bytes')}" for name in names]
    return ", ".join(pairs)
