"""Jobs that extend the graph while it runs. They run every time: without them, nobody knows what else there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ppg_cs.tasks import GenerateTask

from ..job import CODE_SUFFIX, Job
from ..planner.node import Kind
from .callback import check_callback
from .function import FunctionInvariant


class JobGeneratingJob(Job):
    """Calls `callback()`, which makes new jobs, usually from what its prerequisites found out.

    New jobs may depend on older ones, but not the other way round: use a DependencyInjectionJob for that. If the
    callback raises, or one of its changes is refused, the job fails and none of them is kept.

    Args:
        job_id: Any name; there is no file.
        callback: Takes no argument. Called in every run, in another process than the script.
    """

    kind: ClassVar[Kind] = Kind.GENERATING

    def __init__(self, job_id: str | Path, callback: Callable[[], Any]) -> None:
        super().__init__(job_id)
        check_callback(self, callback, 0, "generating jobs get none", may_yield=self.kind == Kind.INJECTING)
        self.callback = callback
        self._code = FunctionInvariant(self.job_id + CODE_SUFFIX, callback)
        self.connect(self._code)

    def task(self) -> GenerateTask:
        """Records what the callback does to the graph."""
        from ..generate import generate

        return GenerateTask(self.job_id, partial(generate, self))


class DependencyInjectionJob(JobGeneratingJob):
    """Calls `callback()`, which may add prerequisites to the jobs that depend on this one.

    All jobs that it returns become prerequisites of all of them; single edges are added with `depends_on` inside. If
    the callback raises, or one of its changes is refused, the job fails and none of them is kept.

    Args:
        job_id: Any name; there is no file.
        callback: Takes no argument; returns a job, an iterable of jobs or None, or yields jobs. Called in every run,
            in another process than the script.
    """

    kind: ClassVar[Kind] = Kind.INJECTING
