"""Writes what a job's success means into the status store: its record, with its inputs as they were."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from ppg_protocol.messages import FileStat, Usage

from ..job import Job
from ..jobs.invariant import Invariant
from ..planner.core import INVARIANT, Planner
from ..store import Input, StatusStore, pack_files
from .survey import content_of

_IDS_AT_ONCE = 256


class Recorder:
    """Buffers records in the store; the caller commits."""

    def __init__(self, planner: Planner, store: StatusStore, order: list[Job], host: str) -> None:
        self._planner = planner
        self._store = store
        self._order = order
        self._host = host
        self._described: set[int] = set()
        self._ids = b""

    def success(self, job: int, files: Sequence[FileStat], usage: Usage, cores: int) -> tuple[bytes, bytes]:
        """Record a job that ended well; returns its build id and the fingerprint of its outputs by content."""
        packed = pack_files(files)
        build_id = self._new_build_id()
        self._write(job, build_id, packed, usage, cores)
        return build_id, content_of(packed, build_id)

    def adoption(self, job: int, files: bytes) -> None:
        """Record outputs that were taken over; their build id is the planner's."""
        self._write(job, self._planner.strict[job], files, Usage(0.0, 0.0, 0), 0)

    def refresh(self, job: int) -> None:
        """Record the inputs of a job that an early cutoff spared as they are now."""
        strict, content = self._planner.digests(job)
        self._store.update_inputs(self._planner.nodes[job].job_id, self._inputs(job), strict, content)

    def _write(self, job: int, build_id: bytes, files: bytes, usage: Usage, cores: int) -> None:
        strict, content = self._planner.digests(job)
        self._store.record(
            self._planner.nodes[job].job_id,
            build_id=build_id,
            inputs=self._inputs(job),
            inputs_strict=strict,
            inputs_content=content,
            files=files,
            runtime_s=usage.runtime_s,
            peak_rss_bytes=usage.peak_rss_bytes,
            cores=cores,
            host=self._host,
            finished_at=time.time(),
        )

    def _inputs(self, job: int) -> list[Input]:
        """As they are now; invariants among them are described, to tell later what changed."""
        planner = self._planner
        inputs = []
        for p in planner.inputs[job]:
            inputs.append(Input(planner.nodes[p].job_id, planner.strict[p], planner.content[p]))
            if planner.kind[p] == INVARIANT and p not in self._described:
                self._describe(p)
        return inputs

    def _describe(self, invariant: int) -> None:
        self._described.add(invariant)
        job = self._order[invariant]
        assert isinstance(job, Invariant)
        self._store.describe(self._planner.strict[invariant], job.parts())

    def _new_build_id(self) -> bytes:
        if not self._ids:
            self._ids = os.urandom(16 * _IDS_AT_ONCE)
        build_id, self._ids = self._ids[:16], self._ids[16:]
        return build_id
