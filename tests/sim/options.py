"""What a seed decides before anything happens: numbers, delays, leases, and which faults there are, how often.

Most worlds are small: what goes wrong does so with two machines and a handful of jobs, and fifty of these are played in
the time of a large one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

FAULTS = (
    "break a connection",
    "partition",
    "cut one way",
    "kill a daemon",
    "kill a supervisor",
    "kill a data process",
    "kill a master",
    "kill a master in a commit",
    "kill a master that is not heard",
    "cut the power of a master",
    "kill the coordinator",
    "freeze",
    "freeze a busy supervisor",
    "suspend a machine",
    "set a wall clock",
    "slow disk",
    "revoke a user",
    "drain",
    "signal a daemon",
    "vanish",
)
SHARED = "freeze a busy daemon"
"""A fault that means something only on machines that users share."""
LATE = "kill the coordinator while a busy daemon is frozen"
"""Likewise; for daemons that do not see each other."""
PROMPT = frozenset({
    "kill a daemon",
    "kill a supervisor",
    "kill a data process",
    "kill a master",
    "kill a master in a commit",
    "cut the power of a master",
    "kill the coordinator",
    "freeze a busy supervisor",
    "set a wall clock",
    "slow disk",
    "drain",
    "signal a daemon",
})  # fmt: skip
"""Faults after which every daemon is connected again before a grace as long as the lease is over."""
CUT = "cut a machine off while a busy daemon is late"
"""Likewise; for daemons that see each other."""
CUTS = 0.2
"""The share of other shared worlds with it."""
ALL_KINDS = 0.3
"""The share of worlds, but for those above, that also have temporaries, caches and final jobs."""
CROWDS = 0.15
"""The share of worlds in which there are more short jobs than cores."""
APART = 0.2
"""The share of shared worlds in which daemons do not see each other."""
LOSSY = "lose what is sent next"
"""A connection breaks exactly then."""
LOSSES = 0.1
"""The share of worlds with it."""
LARGE = 0.02
"""The share of worlds that are not small."""


@dataclass(frozen=True)
class Options:
    """Seconds, and numbers. `faults`: which there are; one comes every `fault_s`, until `calm_at`.

    `leaves`: does a user leave, with all daemons, when everything is made?
    `wide_loads`: is there more data than memory?
    `apart`: are the daemons of a machine in network namespaces of their own? Then they can't speak for each other, and
    only the grace keeps what a late one runs from being given away: see "Price" in ADR 0096.
    `all_kinds`: do graphs have temporaries, caches and final jobs, too?
    `crowds`: do graphs have many short jobs, of which some are ordered ahead of free cores?
    """

    slaves: int = 2
    users: int = 1
    projects: int = 1
    size: int = 20
    runs: int = 1
    delay_s: float = 0.001
    heartbeat_s: float = 0.5
    lease_s: float = 6.0
    silence_s: float = 3.0
    grace_s: float = 2.0
    drain_s: float = 5.0
    drift: float = 0.0
    fault_s: float = 1.0
    calm_at: float = 0.0
    leaves: bool = False
    faults: tuple[str, ...] = field(default=())
    wide_loads: bool = False
    apart: bool = False
    all_kinds: bool = False
    crowds: bool = False


def drawn(luck: Random) -> Options:
    """A random world."""
    is_large = luck.random() < LARGE
    heartbeat_s = luck.choice((0.2, 0.5, 2.0) if is_large else (0.3, 1.0, 2.0))
    lease_s = heartbeat_s * luck.choice((6, 12, 30) if is_large else (6, 8, 12))
    options = Options(
        slaves=luck.randint(1, 5) if is_large else luck.choice((1, 2, 2, 3)),
        users=luck.choice((1, 1, 2, 3)) if is_large else luck.choice((1, 1, 2)),
        projects=luck.randint(1, 3) if is_large else luck.choice((1, 1, 2)),
        size=luck.choice((10, 20, 40)) if is_large else luck.choice((2, 4, 8, 12)),
        runs=luck.randint(1, 3) if is_large else luck.choice((1, 1, 2)),
        delay_s=luck.choice((0.0002, 0.005, 0.05)),
        heartbeat_s=heartbeat_s,
        lease_s=lease_s,
        silence_s=heartbeat_s * luck.choice((4, 8)),
        grace_s=luck.choice((lease_s / 4, lease_s)),
        drain_s=luck.choice((1.0, 30.0)),
        drift=luck.choice((0.0, 0.001)),
        fault_s=luck.choice((0.3, 1.0, 5.0)) if is_large else luck.choice((0.1, 0.25, 0.6)) * lease_s,
        calm_at=luck.choice((0.0, 20.0, 60.0)) if is_large else luck.choice((1, 2, 3)) * lease_s,
        leaves=luck.random() < 0.5,
        faults=tuple(luck.sample(FAULTS, luck.randint(1, len(FAULTS) if is_large else 6))),
        wide_loads=luck.random() < 0.4,
    )
    options = _shared(options, luck) if options.users > 1 else options
    lossy = (LOSSY,) if luck.random() < LOSSES and not options.apart else ()
    options = replace(options, faults=options.faults + lossy)
    options = replace(options, all_kinds=luck.random() < ALL_KINDS and not options.apart)
    is_cut = luck.random() < CUTS and options.users > 1 and not options.apart
    options = replace(options, crowds=luck.random() < CROWDS)
    return _crowded(options, (CUT,)) if is_cut else options


def _shared(options: Options, luck: Random) -> Options:
    shared = (SHARED,) if luck.random() < 0.5 else ()
    options = replace(options, projects=max(options.projects, options.users), faults=options.faults + shared)
    if luck.random() >= APART:
        return options
    options = _crowded(options, (SHARED, LATE))
    return replace(options, apart=True, grace_s=options.lease_s)


def _crowded(options: Options, faults: tuple[str, ...]) -> Options:
    """Everybody wants the same machine, all the time; faults are so rare that each has its effect."""
    lease_s = max(options.lease_s, 4.0 + 6 * options.heartbeat_s)
    others = [fault for fault in options.faults if fault in PROMPT][:2]
    return replace(
        options,
        slaves=1,
        size=max(options.size, 12),
        lease_s=lease_s,
        silence_s=4 * options.heartbeat_s,
        fault_s=lease_s / 2,
        calm_at=3 * lease_s,
        faults=(*others, *faults),
    )
