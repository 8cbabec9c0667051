"""What the planner is told, and what it asks for. Jobs are named by their index."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A started job ended well. Outputs come with a fresh build id and the fingerprint of their contents."""

    job: int
    build_id: bytes = b""
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Failed:
    """A started job, or a loading job on behalf of one, failed for good."""

    job: int


Event = Succeeded | Failed


@dataclass(frozen=True, slots=True)
class Start:
    """Everything this job needs is there: run it."""

    job: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A job that was to be started can't be done any more: do not start it."""

    job: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """The job's files are taken over as they are: write its record."""

    job: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """The job is current by content, but its inputs were rebuilt: record them as they are now."""

    job: int


@dataclass(frozen=True, slots=True)
class Remove:
    """Nobody needs this temporary job's files any more."""

    job: int


@dataclass(frozen=True, slots=True)
class Unload:
    """Nobody needs this loading job's data any more."""

    job: int


@dataclass(frozen=True, slots=True)
class Prune:
    """The job can't be done because `cause` failed."""

    job: int
    cause: int


Instruction = Start | Withdraw | Adopt | Refresh | Remove | Unload | Prune
