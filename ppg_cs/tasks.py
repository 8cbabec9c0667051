"""Tasks: the callable half of a job, which only compute slaves execute.

The planner never sees a task, the compute slave never sees a plan. A task says what to call and what must be true
afterwards; how its process is made, watched and ended is the business of `job_process` and `data_process`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppg_cs.task_stream import TaskStream


@dataclass(slots=True)
class FileTask:
    """Runs in a job process. `paths` (absolute, none for a final job) must exist, non-empty unless `empty_ok`."""

    job_id: str
    paths: tuple[str, ...]
    callback: Callable[..., Any]
    arguments: tuple[Any, ...]
    empty_ok: bool
    rename_broken: bool


@dataclass(frozen=True, slots=True)
class LoadTask:
    """Runs in a successor of the data process, which keeps what `load` put into its memory until `unload`."""

    job_id: str
    load: Callable[[], Any]
    unload: Callable[[], Any] | None


@dataclass(frozen=True, slots=True)
class Generated:
    """What a generating callback did to the graph: the encoded change for the MCP, the tasks of the new jobs, and, in a
    cluster, the part of the task stream that brings them to other machines (see `task_stream`)."""

    change: bytes
    tasks: tuple[Task, ...]
    chunk: bytes = b""


@dataclass(frozen=True, slots=True)
class GenerateTask:
    """Runs in a successor of the data process, which keeps the closures of the tasks that it made.

    `generate` is given the task stream of the process, None when embedded.
    """

    job_id: str
    generate: Callable[[TaskStream | None], Generated]


Task = FileTask | LoadTask | GenerateTask
