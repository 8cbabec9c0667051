"""What the core of a slave daemon tells its shell to do: one frozen dataclass each, performed in order."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_protocol.cluster_messages import Holding, Leaving, Limit, OlderEnded, Register, SessionEnded, StartSession

Report = Register | Holding | SessionEnded | OlderEnded | Leaving


@dataclass(frozen=True, slots=True)
class Tell:
    """Say this to the coordinator."""

    message: Report


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the supervisor of a session."""

    order: StartSession


@dataclass(frozen=True, slots=True)
class PassLimit:
    """Tell the supervisor what it may use."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class DrainSession:
    """Tell the supervisor to start nothing, and to leave when all is done."""

    session: str


@dataclass(frozen=True, slots=True)
class EndSession:
    """Tell the supervisor to kill what runs and to leave."""

    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class KillSession:
    """The supervisor did not leave: SIGKILL for it."""

    session: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """End what is left of dead sessions of a project, then report `Swept`."""

    project: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Kill whatever is left and end the daemon with this exit code."""

    exit_code: int
    reason: str


Instruction = Tell | Spawn | PassLimit | DrainSession | EndSession | KillSession | Sweep | Leave
