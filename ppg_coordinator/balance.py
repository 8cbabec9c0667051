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
"""

from __future__ import annotations

from .fair import EPSILON, Party, entitlements
from .fitting import begin, costs, fit, fit_claim
from .ledger import Claimant, Host, Ledger
from .placing import Placing
from .turns import Turns

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
        placing = Placing(self._ledger) if wanting else None
        if placing is None or not placing.cores:
            self.turns.queue.clear()
        elif alone is not None:
            self.turns.queue.clear()
            self._fill_alone(placing, alone)
        else:
            self._divide(placing, wanting, now)
        return len(wanting) > 1

    def _refit(self) -> None:
        for claimant in self._ledger.claimants.values():
            if claimant.stale:
                fit(self._ledger, claimant)

    # --------------------------------------------------------------------------------------------------------- alone

    def _fill_alone(self, placing: Placing, claimant: Claimant) -> None:
        begin(claimant)
        own = [claim.host for claim in claimant.claims.values() if claim.target_cores and not claim.host.drained]
        for claim in claimant.claims.values():
            self._ledger.set_used(claim, 0, 0)
        others = [host for host in placing.hosts if host not in own]
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

    def _divide(self, placing: Placing, wanting: list[Claimant], now: float) -> None:
        fair = self._deserve(placing, wanting)
        if self.turns.serve(placing, wanting, fair, True, now):
            self._refit()
        self._share_out(placing, wanting)
        if self.turns.serve(placing, wanting, fair, False, now):
            self._refit()
            self._share_out(placing, wanting)
        self.turns.spend(placing, self._hungry(placing, wanting, fair), fair, now)

    def _deserve(
        self, placing: Placing, wanting: list[Claimant], capped: dict[str, float] | None = None
    ) -> dict[str, float]:
        """By session: what is fair; or with `capped`, what of it is possible beside turns, where these want no more."""
        parties = [self._party(placing, claimant, capped) for claimant in wanting]
        levels = entitlements(parties)
        return {claimant.session: level for claimant, level in zip(wanting, levels, strict=True)}

    def _party(self, placing: Placing, claimant: Claimant, capped: dict[str, float] | None) -> Party:
        cores, memory = float(claimant.used_cores), float(claimant.used_bytes)
        for index, left in enumerate(claimant.left):
            unit = placing.unit(claimant, index) if left else None
            if unit is not None:
                cores += left * unit[0]
                memory += left * unit[1]
        want = placing.dominant(cores, memory)
        per_level = (cores / placing.cores / want, memory / max(1, placing.memory_bytes) / want) if want else (0.0, 0.0)
        want = min(1.0, want)
        if capped is None:
            return Party(claimant.user, 0.0, want, *per_level)
        turns = [claim.turn for claim in claimant.claims.values() if claim.turn is not None]
        floor = placing.dominant(sum(turn.cores for turn in turns), sum(turn.memory_bytes for turn in turns))
        want = min(want, capped.get(claimant.session, want))
        return Party(claimant.user, floor, max(floor, want), *per_level)

    def _share_out(self, placing: Placing, wanting: list[Claimant]) -> None:
        capped: dict[str, float] = {}
        aims = self._deserve(placing, wanting, capped)
        for number in range(ROUNDS):
            placing.begin(self._over(placing, aims) if number == 0 else {})
            for claimant in sorted(wanting, key=_hardest_first):
                missing = aims[claimant.session] - placing.level(claimant)
                if missing > EPSILON:
                    firmly = number == 0 and missing > SLACK * aims[claimant.session]
                    placing.place(claimant, missing, firmly)
            full = all(host.used_cores == host.cores for host in placing.hosts)
            for claimant in wanting:
                if claimant.session not in capped and placing.level(claimant) < aims[claimant.session] - EPSILON:
                    capped[claimant.session] = placing.level(claimant)
            if full or len(capped) == len(wanting):
                break
            aims = self._deserve(placing, wanting, capped)
        placing.crumbs(wanting)

    def _over(self, placing: Placing, deserved: dict[str, float]) -> dict[str, float]:
        """Who has more than they deserve, and how much. Who wants nothing has surplus only."""
        over: dict[str, float] = {}
        for session, level in deserved.items():
            excess = placing.level(self._ledger.claimants[session]) - level
            if excess > SLACK * level + EPSILON:
                over[session] = excess
        return over

    def _hungry(self, placing: Placing, wanting: list[Claimant], deserved: dict[str, float]) -> list[Claimant]:
        """Who lacks at least a whole job that they deserve, or waits for a turn."""
        waiting = {session for session, _ in self.turns.queue}
        hungry: list[Claimant] = []
        for claimant in wanting:
            missing = deserved[claimant.session] - placing.level(claimant) + EPSILON
            units = (placing.unit(claimant, index) for index, left in enumerate(claimant.left) if left)
            if claimant.session in waiting or any(unit and placing.dominant(*unit) <= missing for unit in units):
                hungry.append(claimant)
        return hungry


def _hardest_first(claimant: Claimant) -> tuple[int, int]:
    """Large jobs find places while there are some."""
    return -max(
        (shape[0] for shape, left in zip(claimant.shapes, claimant.left, strict=True) if left), default=0
    ), claimant.order
