"""What a job that ended badly in its own process left to say: its exception, and the error in one line.

Imported by the first such job.
"""

from __future__ import annotations

import pickle
import signal

from ppg_protocol.errors import JobContractError, JobDiedException
from ppg_protocol.records import Failure, Outcome

from ..job import Job


def exception_of(job: Job, outcome: int, failure: Failure | None) -> BaseException:
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


def error_of(exception: BaseException, outcome: int, failure: Failure | None) -> str:
    """What to call it, where `exception` stands for it."""
    if failure is not None and failure.type_name and outcome == Outcome.EXCEPTION:
        return f"{failure.type_name}: {failure.text}"
    return failure.text if failure and failure.text else str(exception)
