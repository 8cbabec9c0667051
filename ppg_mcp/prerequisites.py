"""What may be given to `depends_on`, taken apart: jobs, iterables of these to any depth, callables, None.

Rules: everything is looked at before the first edge is added, and iterables item by item, so that an endless one of
nonsense is refused at its first item. A dict and a class are refused although the one can be iterated and the other
called: a dict is always a mistake for its keys or its values, a class for a job that was forgotten to be made.

Callables are asked when run() starts, or at the end of the generating callback that gave them. What they give may hold
callables again, `ROUNDS_MAX` times. One that raises keeps its place: after mending, the same graph can be run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppg_protocol.errors import JobContractError

from .job import Job
from .jobs.callback import required_arguments

if TYPE_CHECKING:
    from .graph import Pipegraph

DEPTH_MAX = 100
ROUNDS_MAX = 100


def flattened(job: Job, given: Any, depth: int = 0) -> Iterator[Job | Callable[[], Any]]:
    """The jobs and callables in what was given to `job.depends_on`. Raises JobContractError for anything else."""
    if isinstance(given, Job):
        yield given
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes, Path, Mapping, type)):
        if depth == DEPTH_MAX:
            raise JobContractError(
                f"{job!r}.depends_on() got iterables nested more than {DEPTH_MAX} deep, perhaps a list that holds "
                "itself. Give it the jobs, or one list of them."
            )
        for one in given:
            yield from flattened(job, one, depth + 1)
    elif callable(given) and not isinstance(given, type):
        yield _without_arguments(job, given)
    elif given is not None:
        raise JobContractError(
            f"{job!r}.depends_on() takes jobs, iterables of jobs, callables or None, "
            f"but got {given!r:.200} ({type(given).__name__}).{_hint(given)}"
        )


def _without_arguments(job: Job, asked_later: Callable[..., Any]) -> Callable[[], Any]:
    count = required_arguments(asked_later)
    if count:
        raise JobContractError(
            f"{job!r}.depends_on() takes callables that need no arguments and give jobs when run() starts, but "
            f"{asked_later!r} needs {count}. To redo the job when a function changes use depends_on_func()."
        )
    return asked_later


def _hint(given: object) -> str:
    if isinstance(given, (str, Path)):
        return " For an input file use depends_on_file()."
    if isinstance(given, Mapping):
        return " Give its keys() or its values(), whichever are the jobs."
    if isinstance(given, type):
        return " Give a job, not its class." if issubclass(given, Job) else ""
    return ""


def ask_late(graph: Pipegraph, first: int = 0) -> None:
    """Ask the callables given to depends_on, from the one with the number `first` on, and forget them.

    Raises JobContractError for nonsense, and whatever they raise, with a note that names the job.
    """
    waiting = graph.late_dependencies
    for _ in range(ROUNDS_MAX):
        asked = waiting[first:]
        for job, late in asked:
            _ask(job, late)
            del waiting[first]
        if not asked:
            return
    raise JobContractError(
        f"{waiting[first][0]!r}.depends_on(): what the callable gave held a callable again, and so on for {ROUNDS_MAX} "
        "rounds. Callables must give jobs in the end."
    )


def _ask(job: Job, late: Callable[[], Any]) -> None:
    try:
        job.depends_on(late())
    except Exception as error:
        error.add_note(f"This came from a callable that was given to {job!r}.depends_on().")
        raise
