"""A piece of work: what has, or had until a moment ago, a process of its own and places on the machine."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_cs.waiting import Queued
from ppg_protocol.records import Usage

NO_USAGE = Usage(0.0, 0.0, 0)


@dataclass(slots=True)
class Work:
    """A running attempt, or a load (`key` < 0).

    `process`: the data process that it was forked from. `successor`: its own number as a data process, 0 for a job.
    Once its process is gone, `status` and `usage` say how. `status` stays None if it never had a process or went down
    with its data process; then `reason` says why. `queued`: what it was before it started, None for a load.

    One that waits for an end has no `cores` yet; it takes over one, which is `passed_on` by the one that ended.
    `retracted`: it was asked for while it waited.
    """

    key: int
    job: int
    process: int
    successor: int
    slot: int
    cores: int
    memory_bytes: int
    queued: Queued | None = None
    forked: bool = False
    passed_on: int = 0
    retracted: bool = False
    cancelled: bool = False
    sweeping: bool = False
    status: int | None = None
    usage: Usage = NO_USAGE
    reason: str = ""

    @property
    def is_load(self) -> bool:
        """Whether this is a load rather than an attempt."""
        return self.key < 0
