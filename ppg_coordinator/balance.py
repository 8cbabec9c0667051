"""Who should have what: the targets of all claims, from the demands. What becomes of them is the ledger's matter.

Rules.
- A session that is alone with a demand gets whole machines, as many as it needs: no messages as its demand
  changes.
- Else everybody gets up to what they deserve (`fair`), in whole jobs; what is left goes to who can use it.
- A target is only lowered where somebody else wants it: a demand that sinks lowers nothing by itself.
- What others hold beyond what they deserve is taken only by who is short by more than `SLACK` of what they
  deserve, from who is over by more than that, and by a whole job: shares don't flap. So a session may be off by
  one job, or by `SLACK`.
- Jobs that don't fit into any share get `turns`.
- Where machines are not open to all sessions, all this holds in each pool (see `stock`), with what is fair there; what
  matters for taking is what a session has in all.
"""

from __future__ import annotations

from math import inf

from .fair import EPSILON, NEARLY, Party, Pool, spread
from .fitting import begin, costs, fit, fit_claim
from .ledger import Claimant, Host, Ledger
from .placing import Placing, crumbs
from .stock import Stock
from .turns import Turns

Aims = list[dict[str, float]]
"""By pool and session: dominant fractions."""

SLACK = 1 / 32
ROUNDS = 4
"""Of sharing out what some deserve but can't use (their jobs fit nowhere) among the others."""


class Balance:
    """See the module. `run` is called when demands or machines changed, until it changes nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.turns = Turns(ledger)

    def run(self, now: float) -> bool:
        """Set the targets. Was it much work?"""
        wanting = [claimant for claimant in self._ledger.claimants.values() if claimant.appetite.counts]
        alone = wanting[0] if len(wanting) == 1 else None
        self.turns.wakes_at = None
        self.turns.prune(alone, now)
        self._refit()
        self.turns.clear_ways()
        stock = Stock(self._ledger) if wanting else None
        if stock is None or not stock.cores:
            self.turns.queue.clear()
        elif alone is not None:
            self.turns.queue.clear()
            self._fill_alone(stock, alone)
        else:
            self._divide(stock, wanting, now)
        return len(wanting) > 1

    def _refit(self) -> None:
        for claimant in self._ledger.claimants.values():
            if claimant.stale:
                fit(self._ledger, claimant)

    # --------------------------------------------------------------------------------------------------------- alone

    def _fill_alone(self, stock: Stock, claimant: Claimant) -> None:
        begin(claimant)
        own = [claim.host for claim in claimant.claims.values() if claim.target_cores and not claim.host.drained]
        for claim in claimant.claims.values():
            self._ledger.set_used(claim, 0, 0)
        taken = {host.name for host in own}
        others = [host for host in stock.hosts if host.name not in taken]
        others.sort(key=lambda host: host.ceiling_cores > 0)
        for host in own + others:
            if not any(claimant.left):
                break
            self._use_whole(host, claimant)
        claimant.stale = True

    def _use_whole(self, host: Host, claimant: Claimant) -> None:
        """Take a machine for what fits on it, a wide job or narrow ones; nobody but a spent turn can be in the way."""
        if all(cost is None or not left for cost, left in zip(costs(claimant, host), claimant.left, strict=True)):
            return
        turn = host.turn
        cores, memory = (turn.cores, turn.memory_bytes) if turn is not None else (0, 0)
        if cores == host.cores:
            return
        claim = self._ledger.claim(host, claimant)
        self._ledger.set_target(claim, host.cores - cores, host.memory_bytes - memory)
        self._ledger.cut(host, spare=claim)
        wide = next(
            (
                i
                for i, (shape, left) in enumerate(zip(claimant.shapes, claimant.left, strict=True))
                if shape[0] < 0 and left and costs(claimant, host)[i] is not None
            ),
            None,
        )
        if wide is None or turn is not None:
            fit_claim(self._ledger, claim)
        else:
            claimant.left[wide] -= 1
            self._ledger.set_used(claim, host.cores, host.memory_bytes)

    # ------------------------------------------------------------------------------------------------------- several

    def _divide(self, stock: Stock, wanting: list[Claimant], now: float) -> None:
        pools = [Placing(self._ledger, stock, hosts, members) for hosts, members in stock.pools(wanting)]
        fair = _in_all(_wants(stock, pools, wanting), self._deserve(stock, pools, wanting))
        if self.turns.serve(stock, wanting, fair, True, now):
            self._refit()
        self._share_out(stock, pools, wanting)
        if self.turns.serve(stock, wanting, fair, False, now):
            self._refit()
            self._share_out(stock, pools, wanting)
        self.turns.spend(stock, self._hungry(stock, pools, wanting, fair), fair, now)

    def _deserve(self, stock: Stock, pools: list[Placing], wanting: list[Claimant], capped: Aims | None = None) -> Aims:
        """What is fair; or with `capped`, what of it is possible beside turns, where these want no more."""
        parties = [_party(stock, claimant) for claimant in wanting]
        bounds = [_bounds(stock, pool, wanting, capped[i] if capped else None) for i, pool in enumerate(pools)]
        levels = spread(parties, bounds) if pools else []
        return [dict(zip([c.session for c in wanting], of_pool, strict=True)) for of_pool in levels]

    def _share_out(self, stock: Stock, pools: list[Placing], wanting: list[Claimant]) -> None:
        capped: Aims = [dict.fromkeys(_strangers(pool, wanting), 0.0) for pool in pools]
        aims = self._deserve(stock, pools, wanting, capped)
        wants = _wants(stock, pools, wanting)
        for number in range(ROUNDS):
            for pool, aim in zip(pools, aims, strict=True):
                pool.begin(self._over(pool, aim) if number == 0 else {})
            for claimant in sorted(wanting, key=_hardest_first):
                here = [of_pool[claimant.session] for of_pool in aims]
                self._place(pools, claimant, here, wants[claimant.session], number == 0)
            for pool, aim, cap in zip(pools, aims, capped, strict=True):
                for claimant in wanting:
                    if claimant.session not in cap and pool.level(claimant) < aim[claimant.session] - EPSILON:
                        cap[claimant.session] = pool.level(claimant)
            if all(pool.is_full for pool in pools) or all(len(cap) == len(wanting) for cap in capped):
                break
            aims = self._deserve(stock, pools, wanting, capped)
        crumbs(pools, wanting)

    def _place(self, pools: list[Placing], claimant: Claimant, aims: list[float], want: float, reclaim: bool) -> None:
        levels = [pool.level(claimant) for pool in pools]
        aim = min(want, sum(aims))
        firmly = reclaim and aim - sum(levels) > SLACK * aim
        for pool, here, level in zip(pools, aims, levels, strict=True):
            if here - level > EPSILON:
                pool.place(claimant, here - level + (NEARLY if len(pools) > 1 else 0.0), firmly)

    def _over(self, pool: Placing, aims: dict[str, float]) -> dict[str, float]:
        """Who has more than they deserve, and how much. Who wants nothing has surplus only."""
        over: dict[str, float] = {}
        for session, level in aims.items():
            excess = pool.level(self._ledger.claimants[session]) - level
            if excess > SLACK * level + EPSILON:
                over[session] = excess
        return over

    def _hungry(
        self, stock: Stock, pools: list[Placing], wanting: list[Claimant], deserved: dict[str, float]
    ) -> list[Claimant]:
        """Who lacks at least a whole job that they deserve, or waits for a turn."""
        waiting = {session for session, _ in self.turns.queue}
        hungry: list[Claimant] = []
        for claimant in wanting:
            if claimant.session in waiting:
                hungry.append(claimant)
            elif any(claimant.left):
                level = sum(pool.level(claimant) for pool in pools)
                missing = deserved.get(claimant.session, 0.0) - level + EPSILON
                units = (stock.unit(claimant, index) for index, left in enumerate(claimant.left) if left)
                if any(unit and stock.dominant(*unit) <= missing for unit in units):
                    hungry.append(claimant)
        return hungry


def _party(stock: Stock, claimant: Claimant) -> Party:
    cores, memory = float(claimant.used_cores), float(claimant.used_bytes)
    for index, left in enumerate(claimant.left):
        unit = stock.unit(claimant, index) if left else None
        if unit is not None:
            cores += left * unit[0]
            memory += left * unit[1]
    want = stock.dominant(cores, memory)
    per_level = (cores / stock.cores / want, memory / max(1, stock.memory_bytes) / want) if want else (0.0, 0.0)
    return Party(claimant.user, 0.0, min(1.0, want), *per_level)


def _bounds(stock: Stock, pool: Placing, wanting: list[Claimant], capped: dict[str, float] | None) -> Pool:
    members = [index for index, claimant in enumerate(wanting) if claimant.session in pool.members]
    has = [0.0 if pool.is_only else pool.level(claimant) for claimant in wanting]
    floors, most = [0.0] * len(wanting), [inf] * len(wanting)
    if capped is not None:
        taken = _floors(stock, pool)
        floors = [taken.get(claimant.session, 0.0) for claimant in wanting]
        most = [max(floor, capped.get(claimant.session, inf)) for floor, claimant in zip(floors, wanting, strict=True)]
    return Pool(pool.cores, pool.memory, members, has, floors, most)


def _floors(stock: Stock, pool: Placing) -> dict[str, float]:
    """By session: what its turns take there."""
    taken: dict[str, tuple[int, int]] = {}
    for host in pool.hosts:
        turn = host.turn
        if turn is not None:
            cores, memory_bytes = taken.get(turn.session, (0, 0))
            taken[turn.session] = cores + turn.cores, memory_bytes + turn.memory_bytes
    return {session: stock.dominant(*both) for session, both in taken.items()}


def _strangers(pool: Placing, wanting: list[Claimant]) -> list[str]:
    return [claimant.session for claimant in wanting if claimant.session not in pool.members]


def _wants(stock: Stock, pools: list[Placing], wanting: list[Claimant]) -> dict[str, float]:
    """More than that is not promised in one pool, but may be in the sum of several."""
    if len(pools) <= 1:
        return {claimant.session: inf for claimant in wanting}
    return {claimant.session: _party(stock, claimant).want for claimant in wanting}


def _in_all(wants: dict[str, float], aims: Aims) -> dict[str, float]:
    """By session, over all pools."""
    return {session: min(want, sum(aim[session] for aim in aims)) for session, want in wants.items()}


def _hardest_first(claimant: Claimant) -> tuple[int, int]:
    """Large jobs find places while there are some."""
    return -max(
        (shape[0] for shape, left in zip(claimant.shapes, claimant.left, strict=True) if left), default=0
    ), claimant.order
