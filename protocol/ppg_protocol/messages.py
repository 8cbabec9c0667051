"""The messages between a master control program (MCP) and a supervisor, one frozen dataclass each.

Those that only a cluster needs are in `cluster_messages`, what they are made of is in `records`.
A message travels as the msgpack array `[type, field, …]`; nested records are arrays without a type. `Blob` fields
travel as frames of their own. Jobs are named by their index in the graph of the run, attempts by a number that is
never used twice in a session. Field order is the wire order: append only, never reorder, bump PROTOCOL_MAJOR otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ppg_protocol.records import NOTHING, AwaitedFile, Blob, Distribution, Failure, FileStat, Usage

M = TypeVar("M")

MESSAGE_TYPES: dict[int, type] = {}
TYPE_NUMBERS: dict[type, int] = {}


def message(number: int) -> Callable[[type[M]], type[M]]:
    """Register a dataclass under its number on the wire."""

    def register(cls: type[M]) -> type[M]:
        assert number not in MESSAGE_TYPES, number
        MESSAGE_TYPES[number] = cls
        TYPE_NUMBERS[cls] = number
        return cls

    return register


# ------------------------------------------------------------------------------------------------------ both directions


@message(1)
@dataclass(frozen=True, slots=True)
class Hello:
    """First message of each side. `instance` is random per process start, `session` and `epoch` name the run."""

    protocol_major: int
    protocol_minor: int
    engine_version: str
    python_version: str
    role: str
    host: str
    boot_id: str
    instance: bytes
    session: str
    epoch: int


@message(2)
@dataclass(frozen=True, slots=True)
class Refuse:
    """The other side's hello can't be served; `reason` names both sides' facts. The link ends."""

    reason: str


# -------------------------------------------------------------------------------------------------- MCP -> supervisor


@message(16)
@dataclass(frozen=True, slots=True)
class Define:
    """Gives tasks their indices. With an `attempt`, these are the tasks that generator made, in its order, and the
    successor that made them takes over; with attempt 0 they are in `chunk`, a piece of the session's task stream.

    `part`: the number of the chunk in the stream, see `ppg_cs.task_stream`; parts come in their order, 0 is the first.
    """

    attempt: int
    jobs: tuple[int, ...]
    chunk: Blob
    part: int = 0


@message(17)
@dataclass(frozen=True, slots=True)
class Run:
    """Execute a job once. Idempotent by attempt. Supervisors start attempts in the order in which they came.

    `loads` are the loading jobs whose data must be resident, in an order that respects their prerequisites.
    `cores` is positive, -1 (all that can be had) or -2 (the machine, alone); `memory_bytes` is 0 when undeclared.
    `generates`: run it in a successor of the data process and keep that waiting for Define or Cancel.
    `loads_memory_bytes`: what each load was declared to take, 0 where it is to be measured; empty if none was declared.
    """

    attempt: int
    job: int
    loads: tuple[int, ...]
    cores: int
    memory_bytes: int
    await_files: tuple[AwaitedFile, ...]
    generates: bool
    loads_memory_bytes: tuple[int, ...] = ()


@message(18)
@dataclass(frozen=True, slots=True)
class Retract:
    """Do not start these if they have not started; answered by Retracted with those that had not."""

    attempts: tuple[int, ...]


@message(19)
@dataclass(frozen=True, slots=True)
class Unload:
    """No attempt will need this loading job's data any more."""

    job: int


@message(20)
@dataclass(frozen=True, slots=True)
class Cancel:
    """Kill a running attempt, or discard a generator's successor whose result was refused."""

    attempt: int


@message(21)
@dataclass(frozen=True, slots=True)
class Ack:
    """The results of these attempts are committed; the supervisor may forget them."""

    attempts: tuple[int, ...]


@message(22)
@dataclass(frozen=True, slots=True)
class Shutdown:
    """End the session: kill what runs, unless nothing does, and leave."""

    reason: str


# -------------------------------------------------------------------------------------------------- supervisor -> MCP


@message(32)
@dataclass(frozen=True, slots=True)
class Ready:
    """The machine takes jobs; these are its resources, and what its data process is made of (absent when embedded).

    `time_ns` is its wall clock; the paths are the directories of the packages.
    """

    machine_id: str
    host: str
    pid: int
    cores: int
    memory_bytes: int
    python_version: str = ""
    engine_version: str = ""
    cloudpickle_version: str = ""
    python: str = ""
    time_ns: int = 0
    distributions: tuple[Distribution, ...] = ()
    engine_path: str = ""
    cloudpickle_path: str = ""


@message(33)
@dataclass(frozen=True, slots=True)
class Started:
    """The attempt's process exists. `cores` is what it got."""

    attempt: int
    cores: int
    pid: int


@message(34)
@dataclass(frozen=True, slots=True)
class Finished:
    """The attempt is over and nothing of it lives. Resent until acknowledged. Its Started need not have come before.

    `files` are in the order of the job's outputs. `stdout` and `stderr` are tails. `generated` is the graph change of
    a generating job, empty otherwise; `chunk` holds the jobs that it made, for other machines, empty when embedded.
    `cores` is what it got, 0 if it never started.
    """

    attempt: int
    outcome: int
    files: tuple[FileStat, ...]
    stdout: bytes
    stderr: bytes
    failure: Failure | None
    usage: Usage
    generated: Blob
    chunk: Blob = NOTHING
    cores: int = 0


@message(35)
@dataclass(frozen=True, slots=True)
class Loaded:
    """A loading job's data is resident on this machine, where it was measured to take `data_bytes`."""

    job: int
    stdout: bytes
    stderr: bytes
    usage: Usage
    data_bytes: int = 0


@message(36)
@dataclass(frozen=True, slots=True)
class LoadFailed:
    """A loading job failed here. Attempts that waited for it are reported by Retracted, after this message."""

    job: int
    outcome: int
    stdout: bytes
    stderr: bytes
    failure: Failure | None
    usage: Usage


@message(37)
@dataclass(frozen=True, slots=True)
class Retracted:
    """These attempts were never started and never will be."""

    attempts: tuple[int, ...]


@message(38)
@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent by both sides at every heartbeat interval while the link is up. The MCP's names no attempts.

    `memory_bytes`: declared memory of what runs and what the loaded data takes; `data_bytes`: the latter.
    """

    live: tuple[int, ...]
    loading: tuple[int, ...]
    memory_bytes: int
    data_bytes: int = 0


@message(39)
@dataclass(frozen=True, slots=True)
class DataLost:
    """The data process died. `jobs`: loading jobs whose data is gone; `generators`: attempts whose tasks are gone."""

    jobs: tuple[int, ...]
    generators: tuple[int, ...]
    reason: str
