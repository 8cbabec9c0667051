"""What can happen to a supervisor in a cluster, besides what happens to every one."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_cs import events
from ppg_protocol.cluster_messages import Limit, Unfit


@dataclass(frozen=True, slots=True)
class Drain:
    """The daemon drains: what runs may end, nothing starts."""


ClusterEvent = events.Event | Limit | Drain | Unfit
"""Unfit, as it is to be said: this machine was found to be unfit for the session."""
