"""What the run loop needs of the machines that work for it: this one alone (`machine`), or a cluster's (`cluster`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from ppg_protocol.codec import Message

from ..cluster.loss import Lose
from ..dispatcher import LargestMachines, MachineShare

Report: TypeAlias = Message | MachineShare | Lose | LargestMachines
"""What a supervisor said, what may be sent to its machine from now on, or that it is lost; and how large all are."""


class Machines(Protocol):
    """Machines are named by their ids. `cores`: at the start; shares tell more."""

    cores: int
    memory_bytes: int
    run_directory: Path

    @property
    def is_clear(self) -> bool:
        """May jobs be started? Not while something of an earlier run may still write."""

    @property
    def waits_for(self) -> str:
        """Why there are no machines, or no more of them."""

    def watch(self, fd: int, on_ready: Callable[[], None], writing: bool = False) -> None:
        """Return from `poll` when this becomes readable (writable, if `writing`), too, and call `on_ready` before."""

    def unwatch(self, fd: int) -> None:
        """Undo `watch`."""

    def poll(self, timeout_s: float) -> Sequence[tuple[str, Report]]:
        """Wait for reports of machines. Raises CommunicationFailure when there can't be any more."""

    def send(self, machine: str, messages: Sequence[Message]) -> None:
        """Send in order; nothing happens when it is lost, which was or will be reported."""

    def define(self, machine: str, attempt: int, jobs: tuple[int, ...], chunk: bytes) -> None:
        """What that attempt generated there got these indices; `chunk` is for other machines."""

    def demand(self, counts: Mapping[tuple[int, int, int], int]) -> None:
        """What is ready or runs, by cores, memory_bytes and what the data takes that it needs."""

    def close(self, busy: set[str], is_urgent: Callable[[], bool]) -> None:
        """All were told to shut down: see to it that those where something ran end it. Give up when it is urgent."""
