"""Writes what the end of a job means into the status store: its record, with its inputs as they were, if it ended well,
and in any case a line of its history: how it ended, and why it was run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from ppg_protocol.records import FileStat, Usage

from ..job import Job
from ..jobs.invariant import Invariant
from ..planner.core import Planner
from ..planner.node import INVARIANT
from ..store import Execution, Input, StatusStore, pack_files
from .current import content_of
from .explain import Explainer

_IDS_AT_ONCE = 256
NO_USAGE = Usage(0.0, 0.0, 0)


class Recorder:
    """Buffers records in the store; the caller commits. `host`: where a job ran, if not here."""

    def __init__(self, planner: Planner, store: StatusStore, order: list[Job], explainer: Explainer, host: str) -> None:
        self._planner = planner
        self._store = store
        self._order = order
        self._explainer = explainer
        self._host = host
        self._described: set[int] = set()
        self._sources: set[str] = set()
        """The part `code` of functions whose source text is kept."""
        self._ids = b""

    def success(self, job: int, files: Sequence[FileStat], usage: Usage, cores: int, host: str) -> tuple[bytes, bytes]:
        """Record a job that ended well; returns its build id and the fingerprint of its outputs by content."""
        packed = pack_files(files)
        build_id = self._new_build_id()
        execution = self._execution(job, usage, cores, "", host)
        self._write(job, build_id, packed, usage, cores, host)
        self._store.executed(self._planner.ids[job], execution, first=self._planner.nodes[job].former is None)
        return build_id, content_of(packed, build_id)

    def ended(self, job: int, usage: Usage, cores: int, error: str = "", host: str = "") -> None:
        """Remember an execution that leaves no record: one that failed, or of a job that never has one."""
        for change in self._explainer.changed_inputs(job):
            self._describe_input(job, change.job_id)
        self._remember_kept(job)
        self._store.executed(self._planner.ids[job], self._execution(job, usage, cores, error, host))

    def adoption(self, job: int, files: bytes) -> None:
        """Record outputs that were taken over; their build id is the planner's."""
        self._write(job, self._planner.strict[job], files, NO_USAGE, 0, "")

    def refresh(self, job: int) -> None:
        """Record the inputs of a job that an early cutoff spared as they are now."""
        strict, content = self._planner.digests(job)
        self._store.update_inputs(self._planner.ids[job], self._inputs(job), strict, content)

    def _write(self, job: int, build_id: bytes, files: bytes, usage: Usage, cores: int, host: str) -> None:
        strict, content = self._planner.digests(job)
        self._remember_kept(job)
        self._store.record(
            self._planner.ids[job],
            build_id=build_id,
            inputs=self._inputs(job),
            inputs_strict=strict,
            inputs_content=content,
            files=files,
            runtime_s=usage.runtime_s,
            peak_rss_bytes=usage.peak_rss_bytes,
            cores=cores,
            host=host or self._host,
            finished_at=time.time(),
        )

    def _remember_kept(self, job: int) -> None:
        """So that who asks for one of these files later finds the job, whose id does not name it."""
        for path in self._order[job].kept:
            self._store.remember_writer(path, self._planner.ids[job])

    def _inputs(self, job: int) -> list[Input]:
        """As they are now; invariants among them are described, to tell later what changed."""
        planner = self._planner
        inputs = []
        for p in planner.inputs[job]:
            inputs.append(Input(planner.ids[p], planner.strict[p], planner.content[p]))
            if planner.kind[p] == INVARIANT and p not in self._described:
                self._described.add(p)
                self._describe(self._order[p], planner.strict[p])
        own = planner.nodes[job].own
        if own is not None:
            job_id, value = own
            inputs.append(Input(job_id, value, value))
            self._describe(self._order[job].shown_code(), value)
        return inputs

    def _describe(self, invariant: Job | None, value: bytes) -> None:
        assert isinstance(invariant, Invariant)
        description = invariant.description()
        self._store.describe(value, description)
        code = str(description.get("code", ""))
        if code and code not in self._sources:
            self._sources.add(code)
            self._keep_source(code, invariant.source())

    def _keep_source(self, code: str, text: str) -> None:
        if text:
            self._store.keep_source(bytes.fromhex(code), text)

    def _describe_input(self, job: int, job_id: str) -> None:
        """So that the change can be shown later, though no record names this input."""
        found = self._explainer.inputs_now(job).get(job_id)
        if found is not None and isinstance(found[1], Invariant):
            self._describe(found[1], found[0][0])

    def _execution(self, job: int, usage: Usage, cores: int, error: str, host: str) -> Execution:
        reason, changes = self._explainer.why(job), tuple(self._explainer.changed_inputs(job))
        self._explainer.forget(job)
        took = usage.runtime_s, usage.peak_rss_bytes, cores
        return Execution(time.time(), *took, host or self._host, error, reason, changes)

    def _new_build_id(self) -> bytes:
        if not self._ids:
            self._ids = os.urandom(16 * _IDS_AT_ONCE)
        build_id, self._ids = self._ids[:16], self._ids[16:]
        return build_id
