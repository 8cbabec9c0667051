"""Max-min fairness: how much of the cluster each session deserves, as a fraction of its dominant resource.

Progressive filling: everybody's level rises evenly, from the floor that can't be taken from them, until they have
what they want or a resource is used up. First over users, then over the sessions of each (Ghodsi et al., Dominant
Resource Fairness, NSDI 2011; the level of a user is the sum of those of the sessions, which is never below the
dominant share of their sum).

Where not everybody may use every machine (`spread`), the same holds pool by pool: within each, levels rise evenly from
what everybody has in the others, in turn, until that changes nothing. No session then has less than another that
could make way for it, directly or through others: the max-min fair division under such constraints (blockwise descent
on a convex function over independent constraints ends nowhere else). What is left of a pool when all want no more is
promised, too, to who has least beyond what it wants: so who is satisfied knows where else to go.

Rejected: weights by priority or history. A number that a user can read off `status` is worth more than a finer
justice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EPSILON = 1e-9
BISECTIONS = 16
SWEEPS = 64
STILL = 1e-7
"""A sweep that moves less is the last one."""
NEARLY = 1e-5
"""How far the division may then be from where it was going: a fraction of a core of a large cluster."""


@dataclass(frozen=True, slots=True)
class Party:
    """One session as fairness sees it: dominant fractions, and the fraction of each resource that a level of 1
    takes."""

    user: str
    floor: float
    want: float
    cores_per_level: float
    memory_per_level: float

    def within(self, floor: float, want: float) -> Party:
        """The same with other limits."""
        return Party(self.user, floor, want, self.cores_per_level, self.memory_per_level)


@dataclass(frozen=True, slots=True)
class Pool:
    """Machines that the same sessions (`members`, by index) can work on, as fractions of the cluster. By party: what it
    has there now (`has`), what can't be taken from it (`floors`), and the most that it could use (`most`)."""

    cores: float
    memory: float
    members: Sequence[int]
    has: Sequence[float]
    floors: Sequence[float]
    most: Sequence[float]


def fill(amount: float, bounds: Sequence[tuple[float, float]]) -> list[float]:
    """Raise one common level until the sum over clamp(level, floor, want) is `amount`, and return these."""
    left = amount - sum(floor for floor, _ in bounds)
    if left <= 0:
        return [floor for floor, _ in bounds]
    if amount >= sum(want for _, want in bounds):
        return [want for _, want in bounds]
    edges = sorted([(floor, 1) for floor, _ in bounds] + [(want, -1) for _, want in bounds])
    level, rising = 0.0, 0
    for at, change in edges:
        step = (at - level) * rising
        if step >= left:
            break
        left -= step
        level = at
        rising += change
    if rising > 0:
        level += left / rising
    return [min(max(level, floor), want) for floor, want in bounds]


def entitlements(
    parties: Sequence[Party], cores: float = 1.0, memory: float = 1.0, elsewhere: Sequence[float] | None = None
) -> list[float]:
    """What each deserves of so much, on top of what it has elsewhere. The sum may pass the smaller of the two where
    some need mostly cores and others mostly memory; no resource is exceeded by it."""
    has = elsewhere or [0.0] * len(parties)
    base, low, high = sum(has), min(cores, memory), cores + memory
    deserved = _by_user(base + low, parties)
    total = sum(party.want for party in parties) - base
    if total <= low or _fullest(deserved, parties, has, cores, memory) >= 1 - EPSILON:
        return deserved
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        tried = _by_user(base + middle, parties)
        if _fullest(tried, parties, has, cores, memory) <= 1 + EPSILON:
            low, deserved = middle, tried
        else:
            high = middle
    return deserved


def spread(parties: Sequence[Party], pools: Sequence[Pool]) -> list[list[float]]:
    """By pool and party: what each deserves there; with several pools the sum may be more than it wants.
    `Party.floor` is not used."""
    if len(pools) == 1:
        pool = pools[0]
        alone = [
            party.within(floor, max(floor, min(party.want, most)))
            for party, floor, most in zip(parties, pool.floors, pool.most, strict=True)
        ]
        return [entitlements(alone, pool.cores, pool.memory)]
    split = [list(pool.has) for pool in pools]
    levels = [sum(of_pools) for of_pools in zip(*split, strict=True)]
    for _ in range(SWEEPS):
        moved = 0.0
        for pool, mine in zip(pools, split, strict=True):
            elsewhere = [max(0.0, level - here) for level, here in zip(levels, mine, strict=True)]
            for index, here in _in_pool(parties, pool, elsewhere).items():
                moved = max(moved, abs(here - mine[index]))
                mine[index] = here
                levels[index] = elsewhere[index] + here
        if moved < STILL:
            break
    return split


def _in_pool(parties: Sequence[Party], pool: Pool, elsewhere: Sequence[float]) -> dict[int, float]:
    """What its members deserve of a pool, when they have so much elsewhere."""
    users = {parties[index].user for index in pool.members}
    members = set(pool.members)
    concerned = [index for index, party in enumerate(parties) if party.user in users]
    has = [min(elsewhere[index], parties[index].want) for index in concerned]
    bound: list[Party] = []
    for index, base in zip(concerned, has, strict=True):
        party, least = parties[index], base + pool.floors[index]
        most = max(least, min(party.want, base + pool.most[index])) if index in members else least
        bound.append(party.within(least, most))
    levels = entitlements(bound, pool.cores, pool.memory, has)
    here = {i: level - base for i, level, base in zip(concerned, levels, has, strict=True) if i in members}
    _promise_rest(parties, pool, elsewhere, here)
    return here


def _promise_rest(parties: Sequence[Party], pool: Pool, elsewhere: Sequence[float], here: dict[int, float]) -> None:
    """What is left, to who has least beyond what it wants."""
    left = min(pool.cores, pool.memory) - sum(here.values())
    if left <= 0:
        return
    beyond = [max(0.0, elsewhere[index] + level - parties[index].want) for index, level in here.items()]
    bounds = [
        (over, over + max(0.0, min(1.0, pool.most[index]) - level))
        for over, (index, level) in zip(beyond, here.items(), strict=True)
    ]
    for index, before, after in zip(list(here), beyond, fill(sum(beyond) + left, bounds), strict=True):
        here[index] += after - before


def _by_user(amount: float, parties: Sequence[Party]) -> list[float]:
    sessions: dict[str, list[int]] = {}
    for index, party in enumerate(parties):
        sessions.setdefault(party.user, []).append(index)
    bounds = [
        (sum(parties[i].floor for i in indices), sum(parties[i].want for i in indices)) for indices in sessions.values()
    ]
    deserved = [0.0] * len(parties)
    for indices, of_user in zip(sessions.values(), fill(amount, bounds), strict=True):
        inner = fill(of_user, [(parties[i].floor, parties[i].want) for i in indices])
        for index, value in zip(indices, inner, strict=True):
            deserved[index] = value
    return deserved


def _fullest(
    levels: Sequence[float], parties: Sequence[Party], elsewhere: Sequence[float], of_cores: float, of_memory: float
) -> float:
    """How full the fuller resource would be."""
    cores = memory = 0.0
    for level, party, has in zip(levels, parties, elsewhere, strict=True):
        cores += (level - has) * party.cores_per_level
        memory += (level - has) * party.memory_per_level
    return max(cores / of_cores, memory / of_memory if of_memory else 0.0)
