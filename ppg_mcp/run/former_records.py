"""What the status store holds of each job, from the start of a run until its survey comes to the job.

A job of this run carries what its row says itself: a valid record as the bytes that the store keeps, a tombstone as its
text. So a million jobs need neither a dict nor an object more, and nothing that the garbage collector would walk.
"""

from __future__ import annotations

from array import array

from ..collection import no_garbage_collection
from ..graph import Pipegraph
from ..job import UNSEEN, Job
from ..store import Record, StatusStore


class FormerRecords:
    """Made when all jobs of the run have their index."""

    def __init__(self, graph: Pipegraph, store: StatusStore) -> None:
        self._runtimes_s = array("d", bytes(8 * len(graph.order)))
        """By the index of the job."""
        self._absent: dict[str, Record] = {}
        """Of jobs that are not in this run, or not yet."""
        with no_garbage_collection():
            self._hand_out(graph, store)

    def _hand_out(self, graph: Pipegraph, store: StatusStore) -> None:
        """Jobs that wait for nothing were recorded in the order in which they were made: so whose row is next is
        guessed first, which is quicker than to look an id up among a million."""
        order, by_id, runtimes_s = graph.order, graph.by_id, self._runtimes_s
        at, end = 0, len(order)
        for job_id, held, runtime_s in store.records():
            job = order[at] if at < end else None
            if job is None or job.job_id != job_id:
                job = by_id.get(job_id)
                if job is None or job.index == UNSEEN:
                    self._absent[job_id] = _record(held, runtime_s)
                    continue
                at = job.index
            job._record = held
            runtimes_s[at] = runtime_s
            at += 1

    def has_valid_absent(self, job_id: str) -> bool:
        """Of a job that is not in this run: has it a record that is no tombstone?"""
        record = self._absent.get(job_id)
        return record is not None and not record.tombstone

    def packed(self, job: Job) -> bytes | None:
        """The record of a job, where it is valid; it stays."""
        held = job._record
        if held is None and self._absent:
            record = self._absent.get(job.job_id)
            return record.packed if record is not None and not record.tombstone else None
        return held if type(held) is bytes else None

    def take(self, job: Job) -> Record | None:
        """The record or tombstone of a job, which is not asked for again."""
        held = job._record
        if held is None:
            return self._absent.pop(job.job_id, None)
        job._record = None
        return _record(held, self._runtimes_s[job.index])


def _record(held: bytes | str, runtime_s: float) -> Record:
    return Record(b"", runtime_s, held) if isinstance(held, str) else Record(held, runtime_s, "")
