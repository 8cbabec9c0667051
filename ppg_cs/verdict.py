"""How a piece of work ended, in the words of the protocol: from its wait status and what it left on the board."""

from __future__ import annotations

import os
import signal

from ppg_cs.report import NOTHING, Report
from ppg_protocol.messages import Finished
from ppg_protocol.records import Blob, Failure, FileStat, Outcome, Usage

DIED = "JobDiedException"


def judge(job: int, status: int | None, cancelled: bool, reason: str, report: Report) -> tuple[Outcome, Failure | None]:
    """Outcome and failure. `status` as of wait(2), None when the process went down with its data process for `reason`.

    A complete result counts whatever came after it: all that the process had left to do was to leave.
    """
    if report.result is not None:
        failure = report.result.failure
        return (Outcome.OK, None) if failure is None else (Outcome.EXCEPTION, failure)
    name = report.reached.job_id if report.reached else f"job {job}"
    if cancelled:
        return Outcome.CANCELLED, died(f"{name} was cancelled and killed.")
    if status is None:
        return Outcome.LOST, died(f"It was lost: {reason}.")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Outcome.SIGNAL, died(f"{name} was killed by signal {number} ({_name(number)}).{_hint(number)}", number)
    code = os.waitstatus_to_exitcode(status)
    return Outcome.EXIT, died(
        f"{name}: its process left with exit code {code} without a result, as os._exit, exec or a crashing library do. "
        f"{'Its callback had been called' if report.reached else 'Its callback was never called'}.",
        exit_code=code,
    )


def died(text: str, number: int = -1, exit_code: int = -1) -> Failure:
    """Failure of a process that gave no answer."""
    return Failure(DIED, text, "", b"", number, exit_code)


def finished(
    attempt: int, outcome: Outcome, failure: Failure | None, usage: Usage, report: Report, cores: int
) -> Finished:
    """The message. Files and generated jobs are told of what ended well, and of nothing else."""
    files: tuple[FileStat, ...] = ()
    generated = chunk = b""
    if report.result is not None and outcome == Outcome.OK:
        files, generated, chunk = report.result.files, report.result.generated, report.result.chunk
    streams = report.stdout, report.stderr
    return Finished(attempt, int(outcome), files, *streams, failure, usage, Blob(generated), Blob(chunk), cores)


def without_its_report(message: Finished, reason: str) -> Finished:
    """A smaller one in place of a message that can't be sent for `reason`: the job failed."""
    failure = died(f"the report of this job can't be sent: {reason}")
    return finished(message.attempt, Outcome.EXCEPTION, failure, message.usage, NOTHING, message.cores)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unnamed"


def _hint(number: int) -> str:
    if number == signal.SIGKILL:
        return " If nobody sent it, the kernel ran out of memory: declare memory_needed, or look into dmesg."
    return ""
