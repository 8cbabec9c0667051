"""Max-min fairness: how much of the cluster each session deserves, as a fraction of its dominant resource.

Progressive filling: everybody's level rises evenly, from the floor that can't be taken from them, until they have
what they want or a resource is used up. First over users, then over the sessions of each (Ghodsi et al., Dominant
Resource Fairness, NSDI 2011; the level of a user is the sum of those of the sessions, which is never below the
dominant share of their sum).

Rejected: weights by priority or history. A number that a user can read off `status` is worth more than a finer
justice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EPSILON = 1e-9
BISECTIONS = 16


@dataclass(frozen=True, slots=True)
class Party:
    """One session as fairness sees it: dominant fractions, and the fraction of each resource that a level of 1
    takes."""

    user: str
    floor: float
    want: float
    cores_per_level: float
    memory_per_level: float


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


def entitlements(parties: Sequence[Party]) -> list[float]:
    """What each deserves. The sum may pass 1 where some need mostly cores and others mostly memory; no resource is
    exceeded by it."""
    total = sum(party.want for party in parties)
    deserved = _by_user(1.0, parties)
    if total <= 1 or _fullest(deserved, parties) >= 1 - EPSILON:
        return deserved
    low, high = 1.0, 2.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        tried = _by_user(middle, parties)
        if _fullest(tried, parties) <= 1 + EPSILON:
            low, deserved = middle, tried
        else:
            high = middle
    return deserved


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


def _fullest(levels: Sequence[float], parties: Sequence[Party]) -> float:
    """How full the fuller resource would be."""
    cores = memory = 0.0
    for level, party in zip(levels, parties, strict=True):
        cores += level * party.cores_per_level
        memory += level * party.memory_per_level
    return max(cores, memory)
