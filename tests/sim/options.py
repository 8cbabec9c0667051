"""What a seed decides before anything happens: numbers, delays, leases, and which faults there are, how often."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

FAULTS = (
    "break a connection",
    "partition",
    "kill a daemon",
    "kill a supervisor",
    "kill a data process",
    "kill a master",
    "kill the coordinator",
    "freeze",
    "drain",
    "signal a daemon",
    "vanish",
)


@dataclass(frozen=True)
class Options:
    """Seconds, and numbers. `faults`: which there are; one comes every `fault_s`, until `calm_at`."""

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
    faults: tuple[str, ...] = field(default=())


def drawn(luck: Random) -> Options:
    """A random world. Where users share machines, the grace period is as long as the lease: a daemon that registers
    later has jobs that nobody knew of."""
    heartbeat_s = luck.choice((0.2, 0.5, 2.0))
    lease_s = heartbeat_s * luck.choice((6, 12, 30))
    options = Options(
        slaves=luck.randint(1, 5),
        users=luck.choice((1, 1, 2)),
        projects=luck.randint(1, 3),
        size=luck.choice((3, 10, 30, 60)),
        runs=luck.randint(1, 3),
        delay_s=luck.choice((0.0002, 0.005, 0.05)),
        heartbeat_s=heartbeat_s,
        lease_s=lease_s,
        silence_s=heartbeat_s * luck.choice((4, 8)),
        grace_s=luck.choice((lease_s / 4, lease_s)),
        drain_s=luck.choice((1.0, 30.0)),
        drift=luck.choice((0.0, 0.001)),
        fault_s=luck.choice((0.3, 1.0, 5.0)),
        calm_at=luck.choice((0.0, 20.0, 60.0)),
        faults=tuple(luck.sample(FAULTS, luck.randint(1, len(FAULTS)))),
    )
    return options if options.users == 1 else replace(options, grace_s=lease_s)
