"""What the dispatcher is told and what it asks for. `cores` and `memory_bytes` are those of semantics §6."""

from __future__ import annotations

from dataclasses import dataclass

Priority = tuple[float, ...]
"""Smaller goes first."""


@dataclass(frozen=True, slots=True)
class MachineShare:
    """What this pipegraph may use of a machine from now on; 0 cores: nothing. `total_*` describe the whole machine."""

    machine: str
    cores: int
    memory_bytes: int
    total_cores: int
    total_memory_bytes: int


@dataclass(frozen=True, slots=True)
class LargestMachines:
    """No machine of the cluster exceeds one of these sizes (cores, memory_bytes) in both, and none did lately."""

    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A job is ready. `loads` must be resident where it runs; they were declared to take `loads_bytes` together.
    `memory_bytes` is 0 when undeclared."""

    job: int
    cores: int
    memory_bytes: int
    loads: tuple[int, ...]
    priority: Priority
    loads_bytes: int = 0

    @property
    def declared_bytes(self) -> int:
        """With its data."""
        return self.memory_bytes + self.loads_bytes


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A ready job is not to be started after all."""

    job: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt is over, well or not, and its job will not come again. `runtime_s` steers how far to work ahead."""

    attempt: int
    runtime_s: float


@dataclass(frozen=True, slots=True)
class Retracted:
    """An attempt was never started: its job is ready again."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt went down with its data process or machine, through its own fault or a neighbour's."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """An attempt went down with a machine that nobody hears of any more: as a rule not the fault of its jobs."""

    attempt: int


@dataclass(frozen=True, slots=True)
class MachineLost:
    """A machine, of which no attempt is out any more, is gone with all its data. It may come back empty."""

    machine: str


@dataclass(frozen=True, slots=True)
class Resident:
    """A load is in the memory of a machine. `data_bytes`: measured there, if it was not declared how large it is."""

    machine: str
    load: int
    data_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """These loads are no longer in the memory of a machine."""

    machine: str
    loads: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DataSize:
    """What is loaded on a machine takes so much."""

    machine: str
    data_bytes: int


Event = (
    MachineShare
    | LargestMachines
    | MachineLost
    | Offer
    | Withdrawn
    | Ended
    | Retracted
    | Lost
    | Vanished
    | Resident
    | Gone
    | DataSize
)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send this attempt to the machine. `cores` and `memory_bytes` are what it is charged there."""

    attempt: int
    job: int
    machine: str
    cores: int
    memory_bytes: int
    loads: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unmeetable:
    """No machine of this run can ever give the job what it asks for. `memory_bytes`: with its data, as declared."""

    job: int
    cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Poisoned:
    """The job was alone each time it went down with these machines: it is the culprit."""

    job: int
    machines: tuple[str, ...]


Instruction = Dispatch | Unmeetable | Poisoned
