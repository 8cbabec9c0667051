"""Turns: how jobs start that are larger than what their session would ever hold of one machine.

A job is *short of a machine* when no part of the share of its session can run it: wide jobs (cores -1, -2), much
memory, or simply more cores than a fair share has. It queues, by age. When it is served, a part of one machine
(for wide jobs: all) is cleared for it: a `Turn`.
1. DRAINING: the others' targets there are lowered and given elsewhere; also its own session starts nothing new in
   that part. Of the machines that a session may use, at most max(1, machines // 8) drain at once; narrow jobs go on
   everywhere else.
2. READY: the part was free all at once and is granted. As long as the session deserves it, or nobody lacks
   anything, it keeps it.
3. SPENT: `TAKE_UP_S` later, and others lack what they deserve: the share is lowered. The job that has started
   runs on, and what it holds goes back when it ends. Then the machine rests from turns for as long as it took to
   drain, so that narrow jobs get on, too.

So the head of the queue starts within a rest and a drain, each no longer than the longest narrow job (or
`MIN_REST_S`).

Rejected: rests that make it fair over time (a long wide job would have to wait as long before the next one, and
break that bound).
"""

from __future__ import annotations

from .appetite import Key
from .events import ALL_CORES, WHOLE_MACHINE
from .fair import EPSILON
from .fitting import costs, data_bytes
from .ledger import Claim, Claimant, Host, Ledger
from .stock import Stock
from .turn import Turn, TurnState

TAKE_UP_S = 2.0
"""A session starts a job on a cleared machine within this time."""
MACHINES_PER_DRAIN = 8


class Turns:
    """The queue, and the turns of all machines (`Host.turn`)."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.queue: dict[tuple[str, Key], float] = {}
        """Since when which shape of which session is short of a machine."""
        self.wakes_at: float | None = None
        """When time alone lets something happen."""

    def all(self) -> list[tuple[Host, Turn]]:
        """Every turn there is."""
        return [(host, host.turn) for host in self._ledger.hosts.values() if host.turn is not None]

    def prune(self, alone: Claimant | None, now: float) -> None:
        """End turns whose job is not in the demand any more, or does not fit into what is cleared for it since more
        data was loaded; a session that is alone needs none."""
        seen: dict[tuple[str, Key], int] = {}
        turns = self.all()
        turns.sort(key=lambda pair: (pair[1].state is TurnState.DRAINING, -pair[1].since))
        for host, turn in turns:
            claimant = self._ledger.claimants[turn.session]
            if claimant is alone or host.drained:
                self.cancel(host)
                continue
            if turn.state is TurnState.SPENT:
                continue
            if turn.shape[0] > 0 and turn.memory_bytes < turn.shape[1] + data_bytes(claimant, host, turn.shape):
                self.cancel(host)
                continue
            key = (turn.session, turn.shape)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > claimant.appetite.counts.get(turn.shape, 0):
                if turn.state is TurnState.READY:
                    host.rests_until = now + turn.rest_s()
                self.cancel(host)

    def clear_ways(self) -> None:
        """What was loaded, or became of no use, since a turn began may not be in its way."""
        for host, turn in self.all():
            if turn.state is TurnState.DRAINING:
                self._ledger.cut(host, spare=host.claims[turn.session])

    def cancel(self, host: Host) -> None:
        """End a turn at once. What was granted stays, as a part of the target like any other."""
        turn = host.turn
        assert turn is not None
        claim = host.claims[turn.session]
        host.turn = None
        claim.claimant.stale = True
        self._ledger.touched[host.name] = None
        if turn.state is TurnState.DRAINING:
            self.queue.setdefault((turn.session, turn.shape), turn.asked_at)
            self._ledger.set_used(claim, 0, 0)
            self._ledger.set_target(claim, claim.target_cores - turn.cores, claim.target_bytes - turn.memory_bytes)

    def release(self, host: Host, now: float) -> None:
        """The holder of a spent turn gave something back."""
        turn = host.turn
        if turn is None or turn.state is not TurnState.SPENT:
            return
        claim = host.claims[turn.session]
        kept_cores, kept_bytes = claim.limit
        left_cores = min(turn.cores, max(0, claim.ceiling_cores - kept_cores))
        left_bytes = min(turn.memory_bytes, max(0, claim.ceiling_bytes - kept_bytes))
        if not left_cores:
            left_bytes = 0
            host.turn = None
            host.rests_until = now + turn.rest_s()
        turn.cores, turn.memory_bytes = left_cores, left_bytes
        claim.claimant.stale = True
        self._ledger.set_used(claim, 0, 0)
        self._ledger.set_target(claim, kept_cores + left_cores, kept_bytes + left_bytes)

    # --------------------------------------------------------------------------------------------------------- queue

    def serve(self, stock: Stock, wanting: list[Claimant], deserved: dict[str, float], wide: bool, now: float) -> bool:
        """Bring the queue up to date and give turns to its head: before others move in for `wide` ones only."""
        short = self._short(stock, wanting, deserved, wide)
        self.queue = {key: since for key, since in self.queue.items() if key in short or (wide and key[1][0] > 0)}
        for key in short:
            self.queue.setdefault(key, now)
        served = False
        for key in sorted(short, key=lambda key: self.queue[key]):
            claimant = self._ledger.claimants[key[0]]
            for _ in range(short[key]):
                host = self._choose(stock, claimant, key[1], now)
                if host is None:
                    break
                self._begin(host, claimant, key[1], self.queue[key], now)
                served = True
                short[key] -= 1
            if not short[key]:
                del self.queue[key]
        return served

    def _short(
        self, stock: Stock, wanting: list[Claimant], deserved: dict[str, float], wide: bool
    ) -> dict[tuple[str, Key], int]:
        """How many turns each shape could do with, in order of sessions and sizes."""
        having: dict[tuple[str, Key], int] = {}
        for _, turn in self.all():
            having[turn.session, turn.shape] = having.get((turn.session, turn.shape), 0) + 1
        short: dict[tuple[str, Key], int] = {}
        for claimant in wanting:
            has_wide = claimant.shapes[0][0] < 0  # they come first, see `fitting.begin`
            if wide and not has_wide:
                continue
            machine = stock.dominant(*stock.machine(claimant)) if has_wide else 0.0
            owed = int(deserved.get(claimant.session, 0.0) / machine + EPSILON) if machine else 0
            for index, shape in enumerate(claimant.shapes):
                count = claimant.appetite.counts.get(shape, 0)
                if shape[0] > 0 and (wide or not claimant.left[index] or _has_place(claimant, index)):
                    continue
                if stock.unit(claimant, index) is None:
                    continue
                enough = min(count, max(1, owed)) if shape[0] < 0 else 1
                missing = enough - having.get((claimant.session, shape), 0)
                if missing > 0:
                    short[claimant.session, shape] = missing
                if shape[0] < 0:
                    owed -= min(count, owed)
        return short

    def _choose(self, stock: Stock, claimant: Claimant, shape: Key, now: float) -> Host | None:
        """The machine where least is in the way, if it may be drained."""
        draining = sum(
            turn.state is TurnState.DRAINING
            and not turn.may_start(*host.room(self._ledger.claimants[turn.session]))
            and host.admits(claimant)
            for host, turn in self.all()
        )
        may_drain = draining < max(1, stock.machines(claimant) // MACHINES_PER_DRAIN)
        index = claimant.shapes.index(shape)
        best: tuple[int, int] | None = None
        chosen: Host | None = None
        for host in stock.hosts:
            cost = costs(claimant, host)[index]
            if cost is None or host.turn is not None or host.withheld or host.rests_until > now:
                continue
            claim = host.claims.get(claimant.session)
            if _holds_for_wide(claimant, claim):
                return host
            needed_cores, needed_bytes = _needs(shape, cost, data_bytes(claimant, host, shape), host)
            room_cores, room_bytes = host.room(claimant)
            missing = max(0, needed_cores - room_cores)
            blocked = missing > 0 or needed_bytes > room_bytes
            if blocked and not may_drain:
                continue
            own = claim.used_cores if claim is not None else 0
            rank = (missing + blocked, host.used_cores - own)
            if best is None or rank < best:
                best, chosen = rank, host
        return chosen

    def _begin(self, host: Host, claimant: Claimant, shape: Key, asked_at: float, now: float) -> None:
        ledger = self._ledger
        claim = ledger.claim(host, claimant)
        cost = costs(claimant, host)[claimant.shapes.index(shape)]
        assert cost is not None
        cores, memory = cost
        data = data_bytes(claimant, host, shape)
        if shape[0] > 0:
            memory += data
        needed = _needs(shape, cost, data, host)
        turn = Turn(claimant.session, shape, cores, memory, data, *needed, asked_at, now)
        if _holds_for_wide(claimant, claim):
            turn.state, turn.ready_at = TurnState.READY, now
        host.turn = turn
        claimant.stale = True
        for other in host.claims.values():
            other.claimant.stale = True
        ledger.touched[host.name] = None
        ledger.set_target(claim, max(claim.target_cores, cores), max(claim.target_bytes, memory))
        ledger.cut(host, spare=claim)

    # ------------------------------------------------------------------------------------------------------ the end

    def spend(self, stock: Stock, hungry: list[Claimant], deserved: dict[str, float], now: float) -> None:
        """Let turns come to their end that others wait for. Also says when to look again."""
        wakes: list[float] = []
        held: dict[str, float] = {}
        for host, turn in sorted(self.all(), key=lambda pair: (pair[1].ready_at, pair[1].since)):
            if turn.state is not TurnState.READY:
                continue
            held[turn.session] = held.get(turn.session, 0.0) + stock.dominant(turn.cores, turn.memory_bytes)
            others = any(other.session != turn.session and host.admits(other) for other in hungry)
            turn.is_owed = not others or held[turn.session] <= deserved.get(turn.session, 0.0) + EPSILON
            if turn.is_owed:
                continue
            if now >= turn.ready_at + TAKE_UP_S:
                turn.state = TurnState.SPENT
                self._ledger.touched[host.name] = None
            else:
                wakes.append(turn.ready_at + TAKE_UP_S)
        if self.queue:
            wakes += [host.rests_until for host in stock.hosts if host.rests_until > now]
        self.wakes_at = min(wakes, default=None)


def _needs(shape: Key, cost: tuple[int, int], data: int, host: Host) -> tuple[int, int]:
    """What must be free on a machine for the turn to begin (semantics §6: beside -1 one core may still be busy)."""
    if shape[0] == WHOLE_MACHINE:
        return cost
    if shape[0] == ALL_CORES:
        return max(1, host.cores - 1), shape[1] + data
    return cost[0], cost[1] + data


def _has_place(claimant: Claimant, index: int) -> bool:
    """Could some part of its share run a job of this shape?"""
    for claim in claimant.claims.values():
        cost = costs(claimant, claim.host)[index]
        if cost is None or claim.target_cores < cost[0]:
            continue
        if claim.target_bytes >= cost[1] + data_bytes(claimant, claim.host, claimant.shapes[index]):
            return True
    return False


def _holds_for_wide(claimant: Claimant, claim: Claim | None) -> bool:
    """It has the whole machine already, and only wide jobs to use it for."""
    return (
        claim is not None and claim.granted_cores == claim.host.cores and all(shape[0] < 0 for shape in claimant.shapes)
    )
