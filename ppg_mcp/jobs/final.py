"""FinalJob: what to do when everything is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from ppg_cs.tasks import FileTask

from ..job import Job
from ..planner.node import Kind
from .callback import check_callback


class FinalJob(Job):
    """Calls `callback()` in every run, after everything else, if nothing failed. Triggers no loads or temporaries.

    Args:
        job_id: Any name; there is no file.
        callback: Takes no argument. Runs in a process of its own.
    """

    kind: ClassVar[Kind] = Kind.FINAL

    def __init__(self, job_id: str | Path, callback: Callable[[], Any]) -> None:
        super().__init__(job_id)
        check_callback(self, callback, 0, "final jobs get none")
        self.callback = callback

    def definition(self) -> tuple[Any, ...]:
        """The callback, compared by fingerprint."""
        return (self.callback,)

    def task(self) -> FileTask:
        """Calls the callback; there is no file to check."""
        assert self.callback is not None
        return FileTask(self.job_id, (), self.callback, (), True, False)
