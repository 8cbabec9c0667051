"""What the coordinator's core is told by its shell, and what it tells it to do. A peer is the other end of a link."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_protocol.codec import Message

# -------------------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class PeerArrived:
    """A process said hello with the key of `user`. `role`: mcp, slave or operator."""

    peer: bytes
    user: str
    role: str
    host: str
    is_owner: bool = False


@dataclass(frozen=True, slots=True)
class PeerSpoke:
    """A message came."""

    peer: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class PeerFellSilent:
    """Nothing was heard since then, for as long as a link may be silent. It may come back."""

    peer: bytes
    since: float


@dataclass(frozen=True, slots=True)
class PeerCameBack:
    """The same process is heard again; no message was lost."""

    peer: bytes


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """Its link has ended for good. The process may come again as another peer."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class UserRevoked:
    """Its key is not among the authorised any more: new links of it are refused. `asked_by` is an operator."""

    user: str
    asked_by: bytes


@dataclass(frozen=True, slots=True)
class Ticked:
    """The deadline has come."""


Event = PeerArrived | PeerSpoke | PeerFellSilent | PeerCameBack | PeerLeft | UserRevoked | Ticked

# -------------------------------------------------------------------------------------------------------- instructions


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a message."""

    peer: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class TurnAway:
    """End the session with a peer and say why. The core has forgotten it already."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class AuthorizeKey:
    """Take a public key among the authorised, and answer `asked_by`."""

    asked_by: bytes
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Strike a user off the authorised; then say UserRevoked, or answer why not."""

    asked_by: bytes
    name: str


@dataclass(frozen=True, slots=True)
class ShutOut:
    """End the connections of a revoked user."""

    user: str


@dataclass(frozen=True, slots=True)
class KeepDrained:
    """Remember these machine ids over a restart."""

    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log. `is_trouble`: somebody should look."""

    text: str
    is_trouble: bool = False


Instruction = Tell | TurnAway | AuthorizeKey | RevokeKey | ShutOut | KeepDrained | Log
