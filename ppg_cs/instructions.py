"""What the supervisor core tells its shell to do: one frozen dataclass each, performed in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ppg_protocol.messages import DataLost, Finished, Loaded, LoadFailed, Retracted, Started
from ppg_protocol.records import AwaitedFile

if TYPE_CHECKING:
    from ppg_protocol.cluster_messages import Unfit

Reply: TypeAlias = "Started | Finished | Loaded | LoadFailed | Retracted | DataLost | Unfit"


@dataclass(frozen=True, slots=True)
class Send:
    """Send this to the MCP."""

    message: Reply


@dataclass(frozen=True, slots=True)
class ForkPristine:
    """Make the first data process, or another one after it was lost, from the supervisor itself."""

    process: int


@dataclass(frozen=True, slots=True)
class StartJob:
    """Have a data process fork a job process, at once or the moment so many of its jobs have ended (see `reliefs`)."""

    process: int
    key: int
    job: int
    cores: int
    slot: int
    await_files: tuple[AwaitedFile, ...]
    after: int = 0


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Ask a data process for the jobs that wait for an end there."""

    process: int


@dataclass(frozen=True, slots=True)
class StartSuccessor:
    """Have a data process fork a successor, to be known as `successor`, that loads or generates."""

    process: int
    successor: int
    key: int
    job: int
    cores: int
    slot: int
    await_files: tuple[AwaitedFile, ...]


@dataclass(frozen=True, slots=True)
class DefineTasks:
    """Give the tasks that a successor generated their indices. `part`: their number in the task stream."""

    process: int
    jobs: tuple[int, ...]
    part: int = 0


@dataclass(frozen=True, slots=True)
class KeepPart:
    """Put a part of the task stream where data processes find it."""

    part: int
    chunk: bytes


@dataclass(frozen=True, slots=True)
class FeedParts:
    """Have a data process load parts that were kept: (part, jobs of a generated one) each, in this order."""

    process: int
    parts: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Tell the slave daemon: the limit with this number is obeyed, and at most so much is held."""

    number: int
    cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Tell a successor that it is a data process now."""

    process: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Tell a data process to end with its last job process."""

    process: int


@dataclass(frozen=True, slots=True)
class UnloadData:
    """Have a data process run the unload half of a load."""

    process: int
    job: int


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for the process of a piece of work, its group and its descendants."""

    key: int


@dataclass(frozen=True, slots=True)
class KillDataProcess:
    """SIGKILL for a data process."""

    process: int


@dataclass(frozen=True, slots=True)
class ForgetHelpers:
    """The data is lost; processes that its loads started have nothing to serve any more."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """End what is left of these pieces of work (key, slot), whose own processes are gone, then report `Swept`."""

    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RemoveOutputs:
    """Remove, or rename, what a dead attempt wrote."""

    paths: tuple[str, ...]
    rename_broken: bool


@dataclass(frozen=True, slots=True)
class KeepLogs:
    """Put the captured streams of a failed attempt aside before its slot is used again."""

    slot: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Kill whatever is left, close the link, end the supervisor with this exit code."""

    exit_code: int


Instruction = (
    Send
    | ForkPristine
    | StartJob
    | TakeBack
    | StartSuccessor
    | DefineTasks
    | KeepPart
    | FeedParts
    | Hold
    | TakeOver
    | Retire
    | UnloadData
    | Kill
    | KillDataProcess
    | ForgetHelpers
    | Sweep
    | RemoveOutputs
    | KeepLogs
    | Leave
)
