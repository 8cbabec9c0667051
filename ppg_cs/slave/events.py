"""What can happen to a slave daemon, besides the messages of the coordinator: one frozen dataclass each."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_protocol.cluster_messages import EndOlder, Limit, StartSession, StopSession


@dataclass(frozen=True, slots=True)
class Connected:
    """A coordinator that does not know this daemon is there. `neighbours`: other daemons that are alive here."""

    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwanted:
    """The coordinator refuses this daemon."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A supervisor holds at most so much, as of the limit with this number."""

    session: str
    number: int
    cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing of a session lives any more. `pid`: its supervisor's, 0 if it could not be started. `is_hopeless`: as
    in SessionEnded."""

    session: str
    pid: int
    reason: str
    is_hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Swept:
    """Nothing of dead sessions of this project lives any more."""

    project: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A signal that asks to leave: the first lets what runs end, the second does not."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Nothing happened until the deadline."""


Order = StartSession | StopSession | EndOlder | Limit
Event = Order | Connected | Unwanted | Held | Ended | Swept | Interrupted | Elapsed
