"""The graph on its way to other machines, in pieces (see `ppg_cs.task_stream`).

All jobs travel as they are, callbacks and what these captured included, in the order of the run: so each piece only
mentions jobs of older ones, and pickling never goes deep. What can't be pickled, an open file say, fails its own job
alone, when that is executed.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cloudpickle

from ppg_cs.task_stream import BaseWriter, TaskHolder, Unsendable
from ppg_protocol.errors import JobContractError
from ppg_protocol.limits import BLOB_BYTES

from .graph import Pipegraph
from .job import UNSEEN, Job
from .planner.node import Kind

if TYPE_CHECKING:
    from ppg_cs.task_stream import TaskStream

SLICE_JOBS = 500


@dataclass(slots=True)
class Piece:
    """Some jobs of a graph."""

    graph: Pipegraph
    jobs: Sequence[Job | Unsendable]

    def enter(self) -> Sequence[TaskHolder]:
        """Add the jobs to the graph of the machine where this has arrived."""
        for job in self.jobs:
            if isinstance(job, Job):
                self.graph.add(job)
        return with_tasks(self.jobs)


def with_tasks(jobs: Sequence[Any]) -> list[TaskHolder]:
    """Those that compute slaves execute."""
    return [job for job in jobs if isinstance(job, Unsendable) or job.kind != Kind.INVARIANT]


def base_parts(graph: Pipegraph) -> Iterator[list[bytes] | None]:
    """Pickle the graph. Gives None after every slice, and at last the parts.

    Raises JobContractError for what can't be sent and isn't the fault of single jobs.
    """
    in_run = set(graph.order)
    jobs = [*graph.order, *(job for job in graph.by_id.values() if job not in in_run)]
    unsendable: dict[int, Unsendable] = {}
    while True:
        writer, parts = BaseWriter(unsendable), list[bytes]()
        for start in range(0, max(1, len(jobs)), SLICE_JOBS):
            piece = Piece(graph, jobs[start : start + SLICE_JOBS])
            try:
                parts.append(_checked(writer.write(piece), piece.jobs))
            except Exception as error:
                culprits = _culprits(piece.jobs)
                if not culprits:
                    raise JobContractError(f"The jobs can't be sent to other machines: {error}") from error
                unsendable.update(culprits)
                break
            yield None
        else:
            yield parts
            return


def generated_part(graph: Pipegraph, jobs: Sequence[Job], stream: TaskStream) -> bytes:
    """What a generator made, for other machines. Raises JobContractError naming a job that can't be sent."""
    try:
        return _checked(stream.dump(Piece(graph, jobs), with_tasks(jobs)), jobs)
    except JobContractError:
        raise
    except Exception as error:
        for culprit in _culprits(jobs).values():
            raise culprit.error from error
        raise JobContractError(f"The generated jobs can't be sent to other machines: {error}") from error


def _checked(part: bytes, jobs: Sequence[Any]) -> bytes:
    if len(part) > BLOB_BYTES:
        raise JobContractError(
            f"The {len(jobs)} jobs from {jobs[0]!r} on hold {len(part)} bytes, which is too much to send to other "
            f"machines ({BLOB_BYTES}). Load large data in a DataLoadingJob instead of capturing it."
        )
    return part


# ------------------------------------------------------------------------------------------------- what can't be sent


class _Probe(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles one job into nothing, without those it knows."""

    def __init__(self, job: Job) -> None:
        super().__init__(_Nowhere(), protocol=pickle.HIGHEST_PROTOCOL)
        self._job = job

    def persistent_id(self, obj: Any) -> str | None:
        """Of other jobs and the graph."""
        return "other" if isinstance(obj, (Job, Pipegraph)) and obj is not self._job else None


class _Nowhere:
    def write(self, data: Any) -> int:
        """See io."""
        return len(data)


def _culprits(jobs: Sequence[Any]) -> dict[int, Unsendable]:
    """By id(): those of the jobs that can't be pickled for themselves."""
    culprits: dict[int, Unsendable] = {}
    for job in jobs:
        try:
            _Probe(job).dump(job)
        except Exception as error:
            culprits[id(job)] = Unsendable(getattr(job, "index", UNSEEN), _explained(job, error))
    return culprits


def _explained(job: Job, error: Exception) -> JobContractError:
    where = ""
    for name, value in _mentioned(job.callback):
        try:
            cloudpickle.dumps(value)
        except Exception:
            where = f" It is in {name!r}, which its callback mentions."
            break
    return JobContractError(
        f"{job!r} can't be sent to another machine: {error}.{where} Open files, connections, locks and the like inside "
        "the callback, or load them in a DataLoadingJob."
    )


def _mentioned(callback: Any) -> Iterator[tuple[str, Any]]:
    """Names and values that a function captured."""
    function = getattr(callback, "__func__", callback)
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue
    for name in code.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
