"""The loss of a machine, as the run loop hears of it; apart from the other events, which only a cluster needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lose:
    """A machine is gone with all that ran and was loaded there; whatever ran there, runs no more."""

    machine: str
    host: str
    reason: str
