"""What is told of each job at the end: its result, the raised error, logs/ppg_errors.txt."""

from __future__ import annotations

import os
import pickle
import signal

from ppg_protocol.errors import JobContractError, JobDiedException
from ppg_protocol.records import Failure, Outcome, Usage

from ..exceptions import JobFailure, RuntimeError
from ..graph import Pipegraph
from ..job import Job
from ..result import JobResult
from .log import RunLog, log_path


class Results:
    """Collects failures in the order in which they came."""

    def __init__(self, graph: Pipegraph, log: RunLog) -> None:
        self._graph = graph
        self._log = log
        self.failures: list[JobFailure] = []
        self.pruned: list[str] = []

    def ran(self, job: Job, stdout: bytes, stderr: bytes, usage: Usage) -> None:
        """A job ended well. More memory than it declared is told: other jobs were started as if that was free."""
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
        exception = _exception(job, outcome, failure)
        error = failure.text if failure and failure.text else str(exception)
        if failure is not None and failure.type_name and outcome == Outcome.EXCEPTION:
            error = f"{failure.type_name}: {failure.text}"
        traceback = failure.traceback if failure else ""
        self._add(job, exception, error, traceback, _text(stdout), _text(stderr), usage, host=host)

    def failed_here(self, job: Job, exception: BaseException, was_run: bool = False) -> None:
        """A job failed by what the master found: a missing input file, an impossible resource need, poison."""
        error = f"{type(exception).__name__}: {exception}"
        self._add(job, exception, error, "", "", "", Usage(0.0, 0.0, 0), was_run)

    def prune(self, job: Job, cause: Job) -> None:
        """A job can't be done because another one failed."""
        job._result = JobResult(failed=True, pruned=True, error_reason=f"{cause!r}, on which it depends, failed")
        self.pruned.append(job.job_id)

    def raise_failures(self) -> None:
        """Raise RuntimeError if anything failed."""
        if self.failures:
            raise RuntimeError(self.failures, self.pruned)

    def _add(
        self,
        job: Job,
        exception: BaseException,
        error: str,
        traceback: str,
        stdout: str,
        stderr: str,
        usage: Usage,
        was_run: bool = True,
        host: str = "",
    ) -> None:
        job._result = JobResult(
            was_run=was_run,
            failed=True,
            exception=exception,
            error_reason=error,
            traceback=traceback,
            stdout=stdout,
            stderr=stderr,
            runtime_s=usage.runtime_s,
            peak_rss_bytes=usage.peak_rss_bytes,
        )
        failure = JobFailure(job.job_id, exception, error, traceback, stdout, stderr, host)
        self.failures.append(failure)
        self._log.error(f"failed: {failure}")
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
        except OSError as error:
            self._log.warning(f"Can't write {path}: {error.strerror}.")


def _exception(job: Job, outcome: int, failure: Failure | None) -> BaseException:
    """The job's own exception where it could be pickled; it comes from a process that we started."""
    if failure is None:
        return JobDiedException(f"{job!r} ended without an answer.")
    if failure.pickled:
        try:
            exception = pickle.loads(failure.pickled)
            if isinstance(exception, BaseException):
                return exception
        except BaseException:  # a foreign class's unpickling may raise anything, SystemExit too: its text must do
            pass
    if outcome == Outcome.EXCEPTION:
        if failure.type_name.endswith("JobContractError"):
            return JobContractError(failure.text)
        return JobDiedException(f"{failure.type_name}: {failure.text}")
    if outcome == Outcome.SIGNAL:
        name = signal.Signals(failure.signal).name if failure.signal in signal.valid_signals() else str(failure.signal)
        return JobDiedException(failure.text or f"{job!r} was killed by {name}.", signal=failure.signal)
    return JobDiedException(failure.text or f"{job!r} left by itself.", exit_code=failure.exit_code)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")
