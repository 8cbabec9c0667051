"""What is told of each job at the end: its result, the raised error, logs/ppg_errors.txt."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..exceptions import MAX_SHOWN_FAILURES, JobFailure, RuntimeError
from ..graph import Pipegraph
from ..job import Job
from ..planner.node import INVARIANT
from ..result import JobResult
from .log import RunLog, log_path
from .printable import printable

if TYPE_CHECKING:
    from ppg_protocol.records import Failure, Usage


class Results:
    """Collects failures in the order in which they came."""

    def __init__(self, graph: Pipegraph, log: RunLog) -> None:
        self._graph = graph
        self._log = log
        self._logged = False
        """Are all failures in logs/ppg_errors.txt?"""
        self.failures: list[JobFailure] = []
        self.failed_inputs: dict[str, str] = {}
        """Invariants that could not be evaluated, and the error of each in one line."""
        self.pruned: dict[str, str] = {}
        """Jobs that can't be done, and because of which other one."""

    def ran(self, job: Job, stdout: bytes, stderr: bytes, usage: Usage) -> None:
        """A job ended well, maybe after it was given up since a load had failed on another machine. More memory than it
        declared is told: other jobs were started as if that was free."""
        if job._result is not None and job._result.pruned:
            del self.pruned[job.job_id]
        if usage.peak_rss_bytes > job.memory_needed > 0:
            self._log.warning(
                f"{job!r} took {usage.peak_rss_bytes} bytes of memory, but its memory_needed is {job.memory_needed}. "
                "Raise it, lest too many such jobs run at once and the machine runs out of memory."
            )
        job._result = JobResult(
            was_run=True,
            stdout=_text(stdout),
            stderr=_text(stderr),
            runtime_s=usage.runtime_s,
            peak_rss_bytes=usage.peak_rss_bytes,
        )

    def failed(
        self,
        job: Job,
        outcome: int,
        failure: Failure | None,
        stdout: bytes,
        stderr: bytes,
        usage: Usage,
        host: str = "",
    ) -> None:
        """A job ended badly in its own process; `host`: on which machine of a cluster."""
        from .hints import of_job
        from .last_words import error_of, exception_of

        exception = exception_of(job, outcome, failure)
        told = JobFailure(
            job.job_id,
            exception,
            error_of(exception, outcome, failure),
            failure.traceback if failure else "",
            _text(stdout),
            _text(stderr),
            host,
            of_job(self._graph, job, exception) if len(self.failures) < MAX_SHOWN_FAILURES else "",
        )
        self._add(job, told, True, usage.runtime_s, usage.peak_rss_bytes)

    def failed_here(self, job: Job, exception: BaseException, was_run: bool = False, hint: str = "") -> None:
        """A job failed by what the master found: a missing input file, an impossible resource need, poison."""
        error = f"{type(exception).__name__}: {exception}"
        self._add(job, JobFailure(job.job_id, exception, error, "", "", "", hint=hint), was_run, 0.0, 0)

    def prune(self, job: Job, cause: Job) -> None:
        """A job can't be done because another one failed."""
        job._result = JobResult(failed=True, pruned=True, error_reason=f"{cause!r}, on which it depends, failed")
        self.pruned[job.job_id] = cause.job_id

    def raise_failures(self) -> None:
        """Raise RuntimeError if anything failed."""
        if self.failures:
            raise RuntimeError(self.failures, tuple(self.pruned), self._logged)

    def _add(self, job: Job, failure: JobFailure, was_run: bool, runtime_s: float, peak_rss_bytes: int) -> None:
        job._result = JobResult(
            was_run=was_run,
            failed=True,
            exception=failure.exception,
            error_reason=failure.error,
            traceback=failure.traceback,
            stdout=failure.stdout,
            stderr=failure.stderr,
            runtime_s=runtime_s,
            peak_rss_bytes=peak_rss_bytes,
        )
        self.failures.append(failure)
        self._log.error(f"failed: {failure}")
        where = f" on {failure.host}" if failure.host else ""
        first_line = next(iter(failure.error.splitlines()), "")
        if job.kind == INVARIANT:
            self.failed_inputs[job.job_id] = first_line
        self._log.say(f"pypipegraph: failed{where}: {job!r}: {printable(first_line)}")
        self._append_to_error_log(failure)

    def _append_to_error_log(self, failure: JobFailure) -> None:
        path = log_path(self._graph, "ppg_errors.txt")
        if path is None:
            return
        try:
            if len(self.failures) == 1 and os.path.exists(path):
                os.replace(path, path + ".1")
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{failure}\n\n")
            self._logged = self._logged or len(self.failures) == 1
        except OSError as error:
            self._logged = False
            self._log.warning(f"Can't write {path}: {error.strerror}.")


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")
