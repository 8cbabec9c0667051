"""Which machines of a pool a session's jobs get: targets are moved in whole jobs, so that what is handed out is of use.

Order of what is taken: what is free or only kept for a demand that is gone (surplus), on machines that the
session works on already, then where there is room this moment, then elsewhere; last what others hold beyond what
they deserve (`over`), again in whole jobs. Bulk: a session takes as many jobs of a shape as fit from a machine in
one step, so the work grows with machines, not with cores.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import chain

from .fair import EPSILON
from .fitting import costs, data_bytes
from .ledger import Claim, Claimant, Host, Ledger
from .stock import Stock


class Placing:
    """One balance over the machines of a pool. `members`: the sessions that can work there; `over`, in dominant
    fractions, by session: what it may lose there."""

    def __init__(self, ledger: Ledger, stock: Stock, hosts: list[Host], members: dict[str, None]) -> None:
        self._ledger = ledger
        self._stock = stock
        self.hosts = hosts
        self.members = members
        self.cores = sum(host.cores for host in hosts) / stock.cores
        self.memory = sum(host.memory_bytes for host in hosts) / max(1, stock.memory_bytes)
        """Fractions of the cluster."""
        self._names = {host.name for host in hosts} if len(hosts) < len(stock.hosts) else None
        self.over: dict[str, float] = {}
        self._open: list[Host] = []
        self._rich: list[Host] = []
        self._failed: list[tuple[int, int]] = []
        self._missing = 0.0

    def __contains__(self, host: Host) -> bool:
        return self._names is None or host.name in self._names

    @property
    def is_only(self) -> bool:
        """There is no other pool."""
        return self._names is None

    @property
    def is_full(self) -> bool:
        """No core is left for anybody."""
        return all(host.used_cores == host.cores for host in self.hosts)

    @property
    def has_room(self) -> bool:
        """Is there a machine to try, for a smaller job?"""
        return bool(self._open)

    def level(self, claimant: Claimant) -> float:
        """What a session has here, by what it can use."""
        if self._names is None:
            return self._stock.dominant(claimant.used_cores, claimant.used_bytes)
        claims = [claim for claim in claimant.claims.values() if claim.host in self]
        return self._stock.dominant(sum(c.used_cores for c in claims), sum(c.used_bytes for c in claims))

    def begin(self, over: dict[str, float]) -> None:
        """A new round, in which the sessions in `over` may lose so much."""
        self.over = over
        roomy = [host for host in self.hosts if host.used_cores < host.cores]
        self._open = [host for host in roomy if host.ceiling_cores < host.cores]
        self._open += [host for host in roomy if host.ceiling_cores >= host.cores]
        self._rich = [host for host in self.hosts if any(session in over for session in host.claims)] if over else []
        self._failed = []

    def place(self, claimant: Claimant, budget: float, reclaim: bool) -> None:
        """Give a session up to `budget` more."""
        self._missing = budget
        for index, shape in enumerate(claimant.shapes):
            if shape[0] < 0 or not claimant.left[index]:
                continue
            unit = self._stock.unit(claimant, index)
            if unit is None:
                continue
            cost = self._stock.dominant(*unit)
            count = min(claimant.left[index], int(budget / cost + EPSILON))
            if count <= 0:
                continue
            got = self._take_open(claimant, index, count)
            if reclaim and got < count and self.over:
                got += self._take(claimant, index, count - got, chain(self._own(claimant), self._rich), True)
            budget -= got * cost

    def place_one(self, claimant: Claimant) -> bool:
        """Give a session one more job, if there is room for any."""
        return any(left and self._take_open(claimant, index, 1) for index, left in enumerate(claimant.left))

    # ----------------------------------------------------------------------------------------------------- machines

    def _take_open(self, claimant: Claimant, index: int, count: int) -> int:
        if claimant.shapes[index][0] < 0 or not self._open:
            return 0
        cores, memory, data = claimant.shapes[index]
        memory += data
        if any(cores >= small_cores and memory >= small_bytes for small_cores, small_bytes in self._failed):
            return 0
        got = self._take(claimant, index, count, chain(self._own(claimant), self._open), False)
        if got:
            self._open = [host for host in self._open if host.used_cores < host.cores]
        elif not data and not claimant.loaded:
            self._failed.append((cores, memory))
        return got

    def _take(self, claimant: Claimant, index: int, count: int, hosts: Iterable[Host], reclaim: bool) -> int:
        got = 0
        for host in hosts:
            if got == count:
                break
            got += self._take_from(host, claimant, index, count - got, reclaim)
        return got

    def _take_from(self, host: Host, claimant: Claimant, index: int, count: int, reclaim: bool) -> int:
        free_cores = host.cores - host.used_cores
        if not free_cores and not reclaim:
            return 0
        cost = costs(claimant, host)[index]
        if cost is None:
            return 0
        claim = host.claims.get(claimant.session)
        data = claim.data_bytes if claim is not None else 0
        more_data = max(0, data_bytes(claimant, host, claimant.shapes[index]) - data)
        free_bytes = host.memory_bytes - host.used_bytes - more_data
        losers = self._losers(host, claimant) if reclaim else []
        cores = free_cores + sum(jobs * loser.unit_cores for loser, jobs in losers)
        memory = free_bytes + sum(jobs * loser.unit_bytes for loser, jobs in losers)
        count = min(count, cores // cost[0], memory // cost[1] if cost[1] else count)
        if count <= 0 or memory < 0:
            return 0
        for loser, jobs in losers:
            self._reclaim(loser, jobs, count * cost[0], count * cost[1] + more_data)
        self._give(self._ledger.claim(host, claimant), count, cost, more_data)
        claimant.left[index] -= count
        return count

    def _losers(self, host: Host, winner: Claimant) -> list[tuple[Claim, int]]:
        """Who may lose how many jobs on a machine, who is most over first: one more than they are over, if they then
        lack less than the winner does now."""
        found: list[tuple[Claim, int]] = []
        for claim in host.claims.values():
            over = self.over.get(claim.claimant.session, 0.0)
            if over <= 0 or not claim.unit_cores or claim.claimant is winner:
                continue
            unit, turn = self._stock.dominant(claim.unit_cores, claim.unit_bytes), claim.turn
            jobs = int(over / unit + EPSILON)
            if (jobs + 1) * unit - over < self._missing - EPSILON:
                jobs += 1
            jobs = min(jobs, (claim.used_cores - (turn.cores if turn else 0)) // claim.unit_cores)
            if claim.unit_bytes:
                kept_bytes = turn.memory_bytes if turn else claim.data_bytes
                jobs = min(jobs, (claim.used_bytes - kept_bytes) // claim.unit_bytes)
            if jobs > 0:
                found.append((claim, jobs))
        found.sort(key=lambda pair: -self.over[pair[0].claimant.session])
        return found

    def _reclaim(self, claim: Claim, jobs: int, cores: int, memory_bytes: int) -> None:
        """Take jobs from a claim, as few as needed for so much to be free."""
        host = claim.host
        short_cores = cores - (host.cores - host.used_cores)
        short_bytes = memory_bytes - (host.memory_bytes - host.used_bytes)
        needed = -(-short_cores // claim.unit_cores)
        if claim.unit_bytes:
            needed = max(needed, -(-short_bytes // claim.unit_bytes))
        jobs = min(jobs, needed)
        if jobs <= 0:
            return
        less_cores, less_bytes = jobs * claim.unit_cores, jobs * claim.unit_bytes
        used = claim.used_cores - less_cores, claim.used_bytes - less_bytes
        self._ledger.set_used(claim, *used, claim.data_bytes)
        self._ledger.set_target(claim, claim.target_cores - less_cores, claim.target_bytes - less_bytes)
        self.over[claim.claimant.session] -= self._stock.dominant(less_cores, less_bytes)
        claim.claimant.stale = True
        self._failed.clear()

    def _give(self, claim: Claim, count: int, cost: tuple[int, int], more_data: int) -> None:
        ledger = self._ledger
        used = claim.used_cores + count * cost[0], claim.used_bytes + count * cost[1] + more_data
        ledger.set_used(claim, *used, claim.data_bytes + more_data)
        ledger.set_target(claim, max(claim.target_cores, claim.used_cores), max(claim.target_bytes, claim.used_bytes))
        if not claim.unit_cores or cost < (claim.unit_cores, claim.unit_bytes):
            claim.unit_cores, claim.unit_bytes = cost
        ledger.cut(claim.host, spare=claim)

    def _own(self, claimant: Claimant) -> list[Host]:
        return [claim.host for claim in claimant.claims.values() if not claim.host.drained and claim.host in self]


def crumbs(pools: list[Placing], wanting: Iterable[Claimant]) -> None:
    """What nobody deserves more than another goes, job by job, to who has least."""

    def level(claimant: Claimant) -> float:
        return sum(pool.level(claimant) for pool in pools)

    users: dict[str, float] = {}
    heap: list[tuple[float, float, int, Claimant]] = []
    for claimant in wanting:
        users[claimant.user] = users.get(claimant.user, 0.0) + level(claimant)
    for claimant in wanting:
        if any(claimant.left):
            heap.append((users[claimant.user], level(claimant), claimant.order, claimant))
    heapq.heapify(heap)
    while heap and any(pool.has_room for pool in pools):
        of_user, before, order, claimant = heapq.heappop(heap)
        if of_user < users[claimant.user] - EPSILON:
            heapq.heappush(heap, (users[claimant.user], before, order, claimant))
        elif any(pool.place_one(claimant) for pool in pools if claimant.session in pool.members):
            users[claimant.user] += level(claimant) - before
            heapq.heappush(heap, (users[claimant.user], level(claimant), order, claimant))
