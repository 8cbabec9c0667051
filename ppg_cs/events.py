"""What can happen to a supervisor, besides the messages of the MCP: one frozen dataclass each.

A *key* names a piece of work that has a process of its own: the attempt's number, or a negative number for a load.
A *process* is the number that the core gave to a data process; the key of a successor is not its process number.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppg_cs.report import Report
from ppg_protocol.messages import Ack, Cancel, Define, Retract, Run, Shutdown, Unload
from ppg_protocol.records import Usage


@dataclass(frozen=True, slots=True)
class Forked:
    """The data process made the process of this piece of work."""

    key: int
    pid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The data process could not make the process of this piece of work: `reason` is the system's."""

    key: int
    reason: str


@dataclass(frozen=True, slots=True)
class Exited:
    """A job process ended and was reaped. `status` as of wait(2). `report` is what it left."""

    key: int
    status: int
    usage: Usage
    report: Report


@dataclass(frozen=True, slots=True)
class TakenBack:
    """These jobs were waiting for an end, and are not going to start."""

    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A successor finished its load or its generating callback and waits to be told to take over.

    `data_bytes`: by how much it grew.
    """

    key: int
    usage: Usage
    data_bytes: int
    report: Report


@dataclass(frozen=True, slots=True)
class TookOver:
    """A successor confirmed that it does not depend on its predecessor any more."""

    process: int


@dataclass(frozen=True, slots=True)
class DataProcessDied:
    """A data process, a successor at work included, was reaped; what it forked and never let take over dies with it."""

    process: int
    status: int
    usage: Usage
    report: Report


@dataclass(frozen=True, slots=True)
class Swept:
    """Nothing of these pieces of work lives any more, except the `stuck` pids, which survive SIGKILL."""

    reports: tuple[tuple[int, Report], ...]
    stuck: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened until the deadline."""


Message = Run | Retract | Unload | Cancel | Ack | Define | Shutdown
Event = Message | Forked | Refused | Exited | TakenBack | Prepared | TookOver | DataProcessDied | Swept | Tick
