"""What goes into a `session.Session` (events) and what comes out (instructions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ppg_protocol.codec import Message
from ppg_protocol.messages import Hello

# -------------------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Opened:
    """The transport is there (again). Only the initiator needs to know."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The transport said that it can't carry what was to be transmitted. Answered by no instruction."""


@dataclass(frozen=True, slots=True)
class Send:
    """The owner has something to say. Kept and resent until acknowledged."""

    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Received:
    """One multipart arrived, whatever is in it."""

    frames: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; to be said at `deadline()` at the latest, after what has arrived was handed in."""


@dataclass(frozen=True, slots=True)
class Dismiss:
    """The owner wants no more of this peer: it is told why, if it can be, and the session ends."""

    reason: str


Event: TypeAlias = Opened | Dropped | Send | Received | Tick | Dismiss

# -------------------------------------------------------------------------------------------------------- instructions


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send this multipart now, or answer with Dropped."""

    frames: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Established:
    """The peer is known and fits. A second one means another process, which knows nothing of the first."""

    peer: Hello


@dataclass(frozen=True, slots=True)
class Deliver:
    """New messages in their order, each exactly once.

    `acknowledged`: the number of our last message that the peer had processed when it sent these, also if they had to
    be sent again since. A heartbeat's list of attempts is as of then.
    """

    messages: tuple[Message, ...]
    acknowledged: int


@dataclass(frozen=True, slots=True)
class HeartbeatDue:
    """Answer with Send of a Heartbeat, after everything delivered so far was processed."""


@dataclass(frozen=True, slots=True)
class PeerSilent:
    """Nothing was heard since then. Reported once; the session goes on trying."""

    since: float


@dataclass(frozen=True, slots=True)
class PeerReturned:
    """The same process is heard again after PeerSilent; nothing was lost."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The session has ended for good: a hello that does not fit, a broken protocol, or the peer refused us."""

    reason: str


Instruction: TypeAlias = Transmit | Established | Deliver | HeartbeatDue | PeerSilent | PeerReturned | Refused
