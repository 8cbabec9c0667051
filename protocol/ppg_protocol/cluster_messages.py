"""The messages of a cluster: of coordinator, slave daemons and operators, and what supervisors on other machines need.

Apart from `messages`, because a run on one machine should not pay for making these classes. See there for the rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppg_protocol.messages import message
from ppg_protocol.records import Blob

# ------------------------------------------------------------------------------------------------------- nested records


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
class DemandedShape:
    """`count` jobs that need so much each, see `ppg_coordinator.events.Shape`. `data_bytes`: what the data takes that
    they need, as far as is known; -1 is that of the whole demand."""

    cores: int
    memory_bytes: int
    count: int
    data_bytes: int = -1


@dataclass(frozen=True, slots=True)
class LoadedData:
    """What is loaded on a machine takes so much."""

    machine_id: str
    data_bytes: int


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
class MachineSize:
    """What a whole machine has."""

    cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class HeldShare:
    """What a session holds of a slave's machine, at most, as of the Limit with this number."""

    session: str
    epoch: int
    project: str
    number: int
    cores: int
    memory_bytes: int


# --------------------------------------------------------------------------------------------------- MCP <-> supervisor


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


@message(40)
@dataclass(frozen=True, slots=True)
class Unfit:
    """This machine can't work for the session: its directory, interpreter or modules are not those of the MCP. It ends
    after this message; `reason` names the host, the facts and what to do."""

    machine_id: str
    reason: str


@message(41)
@dataclass(frozen=True, slots=True)
class Farewell:
    """Supervisor -> MCP: all processes of the session on this machine have ended, and it ends after this message, since
    nobody is there who would say so for it. What it has not reported did not end well."""

    reason: str


# -------------------------------------------------------------------------------------------------- MCP <-> coordinator


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
    """MCP -> coordinator: all jobs that run or could run now. `resident_bytes`: what the data takes of shapes that do
    not say it themselves. `loaded`: what is loaded where."""

    shapes: tuple[DemandedShape, ...]
    resident_bytes: int
    loaded: tuple[LoadedData, ...] = ()


@message(67)
@dataclass(frozen=True, slots=True)
class Shares:
    """Coordinator -> MCP: what it may use from now on; what is absent, not at all. `note` says why it is not more, when
    there is a demand that is not met: for the user. Not `is_decided`: a coordinator that was started again has not
    shared out anything yet, so the note alone counts, and what its predecessor said holds. `largest`: sizes of the
    machines there are for its user, drained ones too, without those that another one exceeds in both."""

    number: int
    machines: tuple[Share, ...]
    note: str
    is_decided: bool = True
    largest: tuple[MachineSize, ...] = ()


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


# ------------------------------------------------------------------------------------------------ slave <-> coordinator


@message(80)
@dataclass(frozen=True, slots=True)
class Register:
    """Slave -> coordinator: first message on a new link. `held`: the sessions that run there or are about to, after a
    reconnection. `presence` names this daemon among those of its machine, `neighbours` are the others that are alive
    there."""

    machine_id: str
    cores: int
    memory_bytes: int
    held: tuple[HeldShare, ...]
    presence: str = ""
    neighbours: tuple[str, ...] = ()


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
    the master refuses what is installed there. `is_absent`: the answer to a StopSession that found none to stop."""

    session: str
    pid: int
    reason: str
    is_hopeless: bool = False
    is_absent: bool = False


@message(88)
@dataclass(frozen=True, slots=True)
class Leaving:
    """Slave -> coordinator: it drains and takes no new work; what runs may end."""

    reason: str


# --------------------------------------------------------------------------------------------- operator <-> coordinator


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
