"""What goes into `core.ClusterCore` (events) and what comes out (instructions). Peers are links of supervisors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ppg_protocol.codec import Message

from ..dispatcher import LargestMachines, MachineShare
from .loss import Lose

# -------------------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class CoordinatorCame:
    """The link to a coordinator is up that knows nothing of us: the first one, or one that was restarted."""

    host: str


@dataclass(frozen=True, slots=True)
class CoordinatorSaid:
    """A message of the coordinator."""

    message: Message


@dataclass(frozen=True, slots=True)
class CoordinatorQuiet:
    """The coordinator is not heard of any more, or (`back`) again."""

    back: bool


@dataclass(frozen=True, slots=True)
class PeerCame:
    """A supervisor has connected; the same peer with another process behind it counts as another."""

    peer: bytes
    host: str


@dataclass(frozen=True, slots=True)
class PeerSaid:
    """A message of a supervisor. `wall_ns`: our wall clock when it came."""

    peer: bytes
    message: Message
    wall_ns: int = 0


@dataclass(frozen=True, slots=True)
class PeerQuiet:
    """A supervisor is not heard of since then."""

    peer: bytes
    since: float


@dataclass(frozen=True, slots=True)
class PeerBack:
    """It is heard again; nothing was lost."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class PeerRefused:
    """The link with a supervisor has ended: it does not fit, or broke the protocol."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Demanded:
    """What is ready or runs, see `Dispatcher.demand`."""

    counts: Mapping[tuple[int, int, int], int]


@dataclass(frozen=True, slots=True)
class Generated:
    """Jobs that a generator made on that machine, by that attempt, got these indices."""

    machine: str
    attempt: int
    jobs: tuple[int, ...]
    chunk: bytes


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The deadline has come."""


Event: TypeAlias = (
    CoordinatorCame
    | CoordinatorSaid
    | CoordinatorQuiet
    | PeerCame
    | PeerSaid
    | PeerQuiet
    | PeerBack
    | PeerRefused
    | Demanded
    | Generated
    | Elapsed
)

# -------------------------------------------------------------------------------------------------------- instructions


@dataclass(frozen=True, slots=True)
class ToPeer:
    """Say this to a supervisor."""

    peer: bytes
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class ToCoordinator:
    """Say this to the coordinator."""

    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Dismiss:
    """End the link with a supervisor; it ends itself when it hears of it, else by its lease."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Pass:
    """A supervisor's message for the run loop."""

    machine: str
    message: Message


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be sent to a machine from now on."""

    share: MachineShare


@dataclass(frozen=True, slots=True)
class Bound:
    """What no machine can give."""

    by: LargestMachines


@dataclass(frozen=True, slots=True)
class Say:
    """For the log; `warning`: and for the user."""

    text: str
    warning: bool = False


Instruction: TypeAlias = ToPeer | ToCoordinator | Dismiss | Pass | Grant | Bound | Lose | Say
