"""The exceptions of the public API. Those that other rooms raise too live in `ppg_protocol.errors`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ppg_protocol.errors import CommunicationFailure, JobContractError, JobDiedException, PyPipeGraphError

__all__ = [
    "CommunicationFailure",
    "CycleError",
    "JobContractError",
    "JobDiedException",
    "JobFailure",
    "PyPipeGraphError",
    "PyPipelineGraphError",
    "RuntimeError",
    "RuntimeException",
]

PyPipelineGraphError = PyPipeGraphError

MAX_SHOWN_FAILURES = 10
MAX_SHOWN_LINES = 40
MAX_SHOWN_CHARS = 8_000
"""Of each stream of a failed job, in the text of a RuntimeError."""


class CycleError(PyPipeGraphError):
    """Jobs depend on each other in a circle, so none of them can be first. The message lists the circle."""

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        steps = "\n".join(f"  {a!r} depends on {b!r}" for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        super().__init__(f"The jobs depend on each other in a circle of {len(cycle)}:\n{steps}\nRemove one of these.")

    def __reduce__(self) -> tuple[type[CycleError], tuple[tuple[str, ...]]]:
        return CycleError, (self.cycle,)


class RuntimeException(PyPipeGraphError):
    """Something went wrong while the pipegraph ran."""


@dataclass(frozen=True, slots=True)
class JobFailure:
    """One failed job: its id, the exception (unpickled, or a stand-in with its text), and what it wrote (tails).

    `host`: where it ran, in a cluster; else empty. `hint`: what to do, where the graph knows more than the exception.
    """

    job_id: str
    exception: BaseException | None
    error: str
    traceback: str
    stdout: str
    stderr: str
    host: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return self._told(self.stdout, self.stderr)

    def brief(self) -> str:
        """The same, with the last lines of what the job wrote."""
        return self._told(_end(self.stdout), _end(self.stderr))

    def _told(self, stdout: str, stderr: str) -> str:
        where = f" (on {self.host})" if self.host else ""
        parts = [f"{self.job_id}{where}: {self.error}"]
        parts += [_indented(text) for text in (self.traceback, self.hint) if text]
        if stdout:
            parts.append("  stdout:\n" + _indented(stdout))
        if stderr:
            parts.append("  stderr:\n" + _indented(stderr))
        return "\n".join(parts)


class RuntimeError(RuntimeException):  # the original's name for it
    """At least one job failed. Everything that did not depend on it was done and stays done: mend and run again.

    Attributes: `failures` (tuple of JobFailure), `pruned` (ids of jobs that could not run because of them).
    `logged`: all failures are in logs/ppg_errors.txt.
    """

    def __init__(self, failures: Sequence[JobFailure], pruned: Sequence[str] = (), logged: bool = False) -> None:
        self.failures = tuple(failures)
        self.pruned = tuple(pruned)
        self._logged = logged
        super().__init__(self.failures, self.pruned, logged)

    def __str__(self) -> str:
        count = len(self.failures)
        lines = [f"{count} job{'s' if count != 1 else ''} failed."]
        lines.extend(failure.brief() for failure in self.failures[:MAX_SHOWN_FAILURES])
        if count > MAX_SHOWN_FAILURES:
            more = f"… and {count - MAX_SHOWN_FAILURES} more: see .failures"
            hint = "; where there is a folder logs, logs/ppg_errors.txt has all of them."
            lines.append(more + (" or logs/ppg_errors.txt." if self._logged else hint))
        if self.pruned:
            shown = ", ".join(repr(job_id) for job_id in self.pruned[:MAX_SHOWN_FAILURES])
            more = f" and {len(self.pruned) - MAX_SHOWN_FAILURES} more" if len(self.pruned) > MAX_SHOWN_FAILURES else ""
            lines.append(f"Not run, because they depend on what failed: {shown}{more}.")
        return "\n\n".join(lines).encode(errors="backslashreplace").decode()  # file names may hold surrogates


class Stopped(KeyboardInterrupt):
    """Ctrl-C came, and the run is over. `run()` makes a plain KeyboardInterrupt of it."""


def _end(text: str) -> str:
    end = "\n".join(text[-MAX_SHOWN_CHARS:].rstrip("\n").split("\n")[-MAX_SHOWN_LINES:])
    if len(end) == len(text.rstrip("\n")):
        return text
    return f"[… the end only; more is in .failures, and in logs/ppg_errors.txt where there is a folder logs]\n{end}"


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.rstrip("\n").split("\n"))


for public in (
    CommunicationFailure,
    CycleError,
    JobContractError,
    JobDiedException,
    PyPipeGraphError,
    RuntimeError,
    RuntimeException,
):
    public.__module__ = "pypipegraph"  # where users import it from; tracebacks show it
