"""What is sent to have a job executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppg_protocol.messages import Run

if TYPE_CHECKING:
    from ppg_protocol.records import AwaitedFile

    from .context import RunContext


def run_message(
    run: RunContext,
    attempt: int,
    job: int,
    loads: tuple[int, ...],
    cores: int,
    memory_bytes: int,
    generates: bool,
    awaited: tuple[AwaitedFile, ...] = (),
) -> Run:
    """With what the loads were declared to take, if anything was."""
    declared = tuple(max(0, run.order[load].memory_needed) for load in loads)
    return Run(attempt, job, loads, cores, memory_bytes, awaited, generates, declared if any(declared) else ())
