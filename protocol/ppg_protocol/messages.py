"""All messages between masters (MCPs), supervisors, coordinator and slave daemons, one frozen dataclass each.

A message travels as the msgpack array `[type, field, …]`; nested records are arrays without a type. `Blob` fields
travel as frames of their own. Jobs are named by their index in the graph of the run, attempts by a number that is
never used twice in a session. Field order is the wire order: append only, never reorder, bump PROTOCOL_MAJOR otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NewType, TypeVar

Blob = NewType("Blob", bytes)
"""Bytes that travel as a frame of their own: no copy into the msgpack body, a limit of their own."""

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


class Outcome(IntEnum):
    """How an attempt ended."""

    OK = 0
    EXCEPTION = 1
    """The callback raised, or its outputs broke the contract."""
    SIGNAL = 2
    EXIT = 3
    """The process left by itself without a result (`os._exit`)."""
    LOST = 4
    """The process went down with its data process or machine; whose fault it was is not known."""
    CANCELLED = 5


# ---------------------------------------------------------------------------------------------------- nested records


@dataclass(frozen=True, slots=True)
class FileStat:
    """One output as its job left it. `digest` is xxh3_128 of the content, empty above the size cap."""

    size_bytes: int
    mtime_ns: int
    inode: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class AwaitedFile:
    """A file made on another machine (`made_on`, a host), and what its stat must say before it may be read here."""

    path: str
    size_bytes: int
    mtime_ns: int
    made_on: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `pickled` is the cloudpickled exception, empty when it could not be pickled.

    `signal` and `exit_code` are -1 where they do not apply.
    """

    type_name: str
    text: str
    traceback: str
    pickled: bytes
    signal: int
    exit_code: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ResourceLimit:
    """See setrlimit(2); -1 is RLIM_INFINITY."""

    number: int
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution, as importlib.metadata names it."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class DemandedShape:
    """`count` jobs that need so much each, see `ppg_coordinator.events.Shape`."""

    cores: int
    memory_bytes: int
    count: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a session may use of a machine, and what the whole machine has."""

    machine_id: str
    host: str
    cores: int
    memory_bytes: int
    total_cores: int
    total_memory_bytes: int


@dataclass(frozen=True, slots=True)
class HeldShare:
    """What a session holds of a slave's machine, at most, as of the Limit with this number."""

    session: str
    epoch: int
    project: str
    number: int
    cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt took: wall-clock and CPU seconds, peak resident bytes beyond what it shared at its start."""

    runtime_s: float
    cpu_s: float
    peak_rss_bytes: int


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


@message(23)
@dataclass(frozen=True, slots=True)
class Prepare:
    """What a supervisor on another machine needs to be as the MCP is: first message to it, answered by Ready or Unfit.

    `nonce_file` holds `nonce`, which proves that the project directory is the MCP's. `python` is the MCP's interpreter,
    used where it exists. `parts`: chunks of the task stream that follow as Define before the first Run.
    """

    project_directory: str
    nonce_file: str
    nonce: bytes
    python: str
    cwd: str
    umask: int
    sys_path: tuple[str, ...]
    environment: tuple[Variable, ...]
    limits: tuple[ResourceLimit, ...]
    main_file: str
    parts: int


# -------------------------------------------------------------------------------------------------- supervisor -> MCP


@message(32)
@dataclass(frozen=True, slots=True)
class Ready:
    """The machine takes jobs; these are its resources, and what its data process is made of (absent when embedded).

    `time_ns` is its wall clock.
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
    """The attempt is over and nothing of it lives. Resent until acknowledged.

    `files` are in the order of the job's outputs. `stdout` and `stderr` are tails. `generated` is the graph change of
    a generating job, empty otherwise; `chunk` holds the jobs that it made, for other machines, empty when embedded.
    """

    attempt: int
    outcome: int
    files: tuple[FileStat, ...]
    stdout: bytes
    stderr: bytes
    failure: Failure | None
    usage: Usage
    generated: Blob
    chunk: Blob = Blob(b"")


@message(35)
@dataclass(frozen=True, slots=True)
class Loaded:
    """A loading job's data is resident on this machine."""

    job: int
    stdout: bytes
    stderr: bytes
    usage: Usage


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


@message(40)
@dataclass(frozen=True, slots=True)
class Unfit:
    """This machine can't work for the session: its directory, interpreter or modules are not those of the MCP. It ends
    after this message; `reason` names the host, the facts and what to do."""

    machine_id: str
    reason: str


# ------------------------------------------------------------------------------------------------ MCP <-> coordinator


@message(64)
@dataclass(frozen=True, slots=True)
class OpenSession:
    """MCP -> coordinator: a pipegraph runs; said anew to a coordinator that does not know it. `endpoint` is where its
    supervisors are to connect, `project` its directory."""

    session: str
    epoch: int
    project: str
    endpoint: str


@message(65)
@dataclass(frozen=True, slots=True)
class CloseSession:
    """MCP -> coordinator: the run is over and its supervisors were told to leave."""

    session: str


@message(66)
@dataclass(frozen=True, slots=True)
class Demand:
    """MCP -> coordinator: all jobs that run or could run now. `resident_bytes`: what loaded data takes on each machine
    that is worked on."""

    shapes: tuple[DemandedShape, ...]
    resident_bytes: int


@message(67)
@dataclass(frozen=True, slots=True)
class Shares:
    """Coordinator -> MCP: what it may use from now on; what is absent, not at all. `note` says why it is not more, when
    there is a demand that is not met: for the user."""

    number: int
    machines: tuple[Share, ...]
    note: str


@message(68)
@dataclass(frozen=True, slots=True)
class Cleared:
    """Coordinator -> MCP: nothing of an older epoch of this project runs on that machine any more."""

    machine_id: str
    host: str


@message(69)
@dataclass(frozen=True, slots=True)
class Exclude:
    """MCP -> coordinator: this machine can't work for us (see Unfit); give us no share of it."""

    machine_id: str
    reason: str


@message(70)
@dataclass(frozen=True, slots=True)
class SupervisorEnded:
    """Coordinator -> MCP: this supervisor of the session and all its processes are gone, says their slave. `pid` tells
    it from another one that may have been started there since. `is_hopeless`: as in SessionEnded."""

    machine_id: str
    host: str
    pid: int
    reason: str
    is_hopeless: bool = False


# ---------------------------------------------------------------------------------------------- slave <-> coordinator


@message(80)
@dataclass(frozen=True, slots=True)
class Register:
    """Slave -> coordinator: first message on a new link. `held`: the sessions that run there, after a reconnection."""

    machine_id: str
    cores: int
    memory_bytes: int
    held: tuple[HeldShare, ...]


@message(81)
@dataclass(frozen=True, slots=True)
class StartSession:
    """Coordinator -> slave: start a supervisor for this session, which connects to `endpoint`; nothing if it runs.
    Supervisors of older epochs of the project are ended first."""

    session: str
    epoch: int
    project: str
    endpoint: str


@message(82)
@dataclass(frozen=True, slots=True)
class StopSession:
    """Coordinator -> slave: end this session's supervisor at once; answered by SessionEnded, also if there is none."""

    session: str
    reason: str


@message(83)
@dataclass(frozen=True, slots=True)
class EndOlder:
    """Coordinator -> slave: end all supervisors of this project with an epoch below, and what they left."""

    project: str
    epoch: int


@message(84)
@dataclass(frozen=True, slots=True)
class OlderEnded:
    """Slave -> coordinator: answer to EndOlder, when nothing of them lives."""

    project: str
    epoch: int


@message(85)
@dataclass(frozen=True, slots=True)
class Limit:
    """Coordinator -> slave: what a session may use of the machine from now on; goes with the Shares of that number."""

    session: str
    number: int
    cores: int
    memory_bytes: int


@message(86)
@dataclass(frozen=True, slots=True)
class Holding:
    """Slave -> coordinator: the Limit with this number is obeyed. At most so much is held now, and no more will be
    taken until a Limit with a higher number allows it."""

    session: str
    number: int
    cores: int
    memory_bytes: int


@message(87)
@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Slave -> coordinator: the supervisor of this session and all its processes are gone from this machine. `pid`: the
    supervisor's, 0 if there was none. `is_hopeless`: another one would fare no better, since none can be started, or
    the master refuses what is installed there."""

    session: str
    pid: int
    reason: str
    is_hopeless: bool = False


@message(88)
@dataclass(frozen=True, slots=True)
class Leaving:
    """Slave -> coordinator: it drains and takes no new work; what runs may end."""

    reason: str


# ------------------------------------------------------------------------------------------- operator <-> coordinator


@message(96)
@dataclass(frozen=True, slots=True)
class Ask:
    """Operator -> coordinator: `status`, `authorize`, `revoke`, `drain` or `undrain`, and its arguments."""

    what: str
    arguments: tuple[str, ...]


@message(97)
@dataclass(frozen=True, slots=True)
class Answer:
    """Coordinator -> operator: `text` is the answer, or why not; for `status` JSON in `document`."""

    ok: bool
    text: str
    document: Blob
