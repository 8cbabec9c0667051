"""How a run is to crash: who dies, or is signalled, and when. Drawn by chance; `points` and `one_run` carry it out."""

from __future__ import annotations

import random
import signal

from . import roles
from .one_run import Strike
from .points import Point

COUNTS = {"mcp": 250, "supervisor": 250, "pristine": 600, "data": 70, "successor": 56, "job": 60}
"""About as many effects as a process of this role has in a run of a drawn graph."""
WEIGHTS = (3, 3, 1, 2, 1, 3)
NTH = {"job": 8, "successor": 3, "data": 3}
ITSELF = ("self",)
VICTIMS = (
    ("mcp",),
    ("supervisor",),
    ("mcp", "supervisor"),
    ("mcp", "self"),
    ("supervisor", "self"),
    ("job",),
    ("data",),
    ("pristine",),
    ("successor", "job"),
    roles.ROLES[:-1],
    roles.ROLES,
)
"""What goes down together where one thing fails; any other set is drawn as well."""
SIGNALS = ((signal.SIGINT,), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM))

Crash = tuple[Point | None, tuple[Strike, ...]]


def _victims(chance: random.Random, *more: tuple[str, ...]) -> tuple[str, ...]:
    if chance.random() < 0.3:
        return tuple(chance.sample(roles.ROLES, chance.randint(1, len(roles.ROLES))))
    return chance.choice((*VICTIMS, *more))


def draw_crash(chance: random.Random, run_s: float) -> Crash:
    """Most often at an effect of a process, else by the clock, sometimes none. `run_s`: how long runs take here."""
    kind = chance.random()
    if kind < 0.1:
        return None, ()
    if kind < 0.7:
        (role,) = chance.choices(tuple(COUNTS), WEIGHTS)
        count = int(COUNTS[role] ** chance.random()) if chance.random() < 0.3 else chance.randrange(COUNTS[role])
        nth = chance.randrange(NTH.get(role, 1))
        if chance.random() < 0.2:
            return Point(role, nth, count, (), chance.choice(SIGNALS), chance.random() < 0.5), ()
        linger_s = chance.choice((0.0, 0.0, 0.2 * run_s))
        return Point(role, nth, count, _victims(chance, ITSELF, ITSELF), linger_s=linger_s), ()
    strikes = tuple(Strike(chance.random() * run_s, _victims(chance)) for _ in range(chance.choice((1, 1, 2, 3))))
    return None, strikes
