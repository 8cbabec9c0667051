"""The survey: look at the world before deciding. Makes a planner's `Node` of each job.

Stats every output and compares it with its record; takes the value of every invariant. A file whose stat differs is
hashed: with the recorded content it is acquitted (and its new stat recorded), otherwise it was edited by hand.
This is the only place that reads files to decide, so the planner needn't.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from xxhash import xxh3_128_digest

from ppg_cs.outputs import inspect
from ppg_protocol.errors import JobContractError

from ..collection import no_garbage_collection
from ..fingerprints import function_digest
from ..graph import Pipegraph
from ..job import CODE_SUFFIX, Job
from ..jobs.acceptance import Acceptance
from ..jobs.file_invariants import RobustFileChecksumInvariant
from ..jobs.invariant import Invariant
from ..planner.node import CACHED, INVARIANT, OUTPUT, TEMPORARY, Current, Files, Former, Kind, Node
from ..store import Record, StatusStore, pack_files, unpack_files
from .current import CurrentOutputs, Holds, content_of
from .former_records import FormerRecords
from .identities import Identities
from .log import RunLog

if TYPE_CHECKING:
    from ppg_protocol.records import FileStat

    from .checksums import Checksums

WITH_FILES = frozenset((OUTPUT, TEMPORARY, CACHED))
HASH_CAP_BYTES = 4 << 30
"""Above it, content is not hashed: size and mtime must do."""


@contextmanager
def opened(directory: Path) -> Iterator[int]:
    """A descriptor that paths can be relative to, which spares every stat the way from the root."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class Survey:
    """Looks at jobs as they come, with what the status store holds of them."""

    def __init__(
        self, graph: Pipegraph, store: StatusStore, log: RunLog, holds: Holds, performing: bool = True
    ) -> None:
        self._graph = graph
        self._store = store
        self._log = log
        self._records = FormerRecords(graph, store)
        self._unsynced = store.unsynced
        self._short_way = CurrentOutputs(self._records, self._unsynced, holds, self._own)
        self._performing = performing
        self._identities = Identities(graph, store, remembering=performing)
        graph.acceptances = {job_id: Acceptance(*fields) for job_id, fields in store.acceptances().items()}
        self.adopted_files: dict[int, bytes] = {}
        """Packed stats of outputs that may be adopted."""
        self.failures: dict[int, Exception] = {}
        """Invariants whose value can't be taken."""

    def distrust_absent(self) -> None:
        """Outputs that a reboot may have lost, of jobs that are not in this graph: redone when these come back."""
        for job_id in self._unsynced if self._performing else ():
            if self._records.has_valid_absent(job_id):
                self._store.tombstone(job_id, 0)

    def nodes(self, jobs: Sequence[Job]) -> Iterable[Node | Current]:
        """One node per job, in the order given, for a planner that takes them in at once; `job.index` must be set."""
        with opened(self._graph.directory) as self._directory, no_garbage_collection():
            yield from self._nodes(jobs)

    def _nodes(self, jobs: Sequence[Job]) -> Iterable[Node | Current]:
        left_out = self._graph.left_out
        if any(issubclass(kind, RobustFileChecksumInvariant) for kind in set(map(type, jobs))):
            robust = (job for job in jobs if isinstance(job, RobustFileChecksumInvariant) and job not in left_out)
            self._identities.settle(robust, self.checksum)
        for found in self._short_way.sort_out(jobs, left_out, self._directory):
            yield found if isinstance(found, Current) else self._node(*found)

    def _node(self, job: Job, inputs: tuple[int, ...]) -> Node:
        if job in self._graph.left_out:
            return Node(job.job_id, Kind.INVARIANT, left_out=True)
        if job.kind == INVARIANT:
            return Node(self._identity(job), job.kind, (), self._value(job))
        if job.kind not in WITH_FILES:
            return Node(job.job_id, job.kind, inputs)
        return self._with_files(job, inputs, self._own(job), self._records.take(job))

    # ----------------------------------------------------------------------------------------------------- invariants

    def _identity(self, job: Job) -> str:
        return self._identities.of(job) if isinstance(job, RobustFileChecksumInvariant) else job.job_id

    def _value(self, job: Job) -> bytes:
        assert isinstance(job, Invariant)
        try:
            return job.fingerprint(self)
        except (OSError, JobContractError) as error:
            self.failures[job.index] = error
            return b""

    def warn(self, text: str) -> None:
        """From an invariant, for the user."""
        self._log.warning(text)

    @cached_property
    def _checksums(self) -> Checksums:
        """Imported and made for the first input file."""
        from .checksums import Checksums

        return Checksums(self._graph, self._store, self._log, refreshing=self._performing)

    def checksum(self, path: str) -> bytes:
        """md5 of a file; see `Checksums`. Raises OSError."""
        return self._checksums.of(path)

    def acceptance(self, job_id: str) -> Acceptance | None:
        """What a ParameterInvariant remembers."""
        return self._graph.acceptances.get(job_id)

    def remember(self, job_id: str, acceptance: Acceptance) -> None:
        """What it is to remember from now on."""
        former = self.acceptance(job_id)
        if former is not None:
            kept = acceptance.representative == former.representative
            answer = "took them for the same" if kept else "did not accept that"
            self._log.info(f"the parameters of {job_id!r} changed, and accept_as_unchanged_func {answer}")
        if self._performing:
            self._store.remember_acceptance(job_id, *acceptance)

    # ---------------------------------------------------------------------------------------------------------- files

    def _own(self, job: Job) -> tuple[str, bytes] | None:
        """Id and value of the implicit FunctionInvariant."""
        function = job._implied
        if function is None:
            return None
        try:
            value, warnings = function_digest(function)
        except Exception as error:
            error.add_note(f"This came from the callback of {job!r}, when it was asked what it is like.")
            raise
        for warning in warnings:
            self.warn(warning)
        return job.job_id + CODE_SUFFIX, value

    def _with_files(
        self, job: Job, inputs: tuple[int, ...], own: tuple[str, bytes] | None, record: Record | None
    ) -> Node:
        kind = job.kind
        removable = job.paths[: len(job.paths) - len(job.kept)]
        found = self._look(removable, job.empty_ok)
        if found is Files.MISSING and kind == TEMPORARY and self._some_exist(removable):
            found = Files.DIFFERENT
        masked = job._code.index if job._ignores_code_changes and job._code is not None else -1
        former = None
        edited = b""
        files = found if isinstance(found, Files) else Files.FINE
        if record is not None:
            former = self._former(job, record, masked)
            if not isinstance(found, Files) and former.valid:
                files, edited = self._compare(job, record, found)
        kept = None if not job.kept else self._kept(job, record)
        adopt = self._graph.options.adopt
        adoption = None
        stands = (kind == OUTPUT and not isinstance(found, Files)) or kept == Files.FINE
        if stands and (record is None or (adopt and not record.tombstone)):
            adoption = self._adoption(job, masked, adopt)
        by_content = job.early_cutoff
        if by_content is None:
            by_content = self._graph.options.early_cutoff
        return Node(
            job.job_id, kind, inputs, b"", former, files, edited, adoption, by_content, masked, adopt, kept, own
        )

    def _kept(self, job: Job, record: Record | None) -> Files:
        """The files that a temporary job keeps. Edits of them concern nobody."""
        found = self._look(job.kept, job.empty_ok)
        if isinstance(found, Files):
            return found
        if record is not None and not record.tombstone and job.job_id in self._unsynced:
            recorded = unpack_files(record.files)[-len(job.kept) :]
            if [file.digest for file in recorded] != [file.digest for file in self._taken(job, job.kept)]:
                return Files.DIFFERENT
        return Files.FINE

    def _look(self, paths: Sequence[str], empty_ok: bool) -> Files | list[os.stat_result]:
        """The stats of all files, or what is wrong with one of them."""
        absolute = self._graph.absolute
        stats = []
        for path in paths:
            try:
                found = os.stat(absolute(path))
            except OSError:
                return Files.MISSING
            if not S_ISREG(found.st_mode):
                return Files.MISSING
            if not found.st_size and not empty_ok:
                return Files.EMPTY
            stats.append(found)
        return stats

    def _some_exist(self, paths: Sequence[str]) -> bool:
        """Of several, for what is left of a temporary job's files has to be removed, too."""
        return len(paths) > 1 and any(os.path.isfile(self._graph.absolute(path)) for path in paths)

    def _former(self, job: Job, record: Record, masked: int) -> Former:
        inputs: Mapping[str, tuple[bytes, bytes]] | None = None
        if masked >= 0:
            inputs = _RecordedInputs(self._store, job.job_id)
        return Former(
            record.build_id,
            record.inputs_strict,
            record.inputs_content,
            not record.tombstone,
            content_of(record.files, record.build_id) if record.files else b"",
            inputs,
            record.runtime_s,
        )

    def _compare(self, job: Job, record: Record, found: Sequence[os.stat_result]) -> tuple[Files, bytes]:
        """Are the files those of the record? Returns what the planner is to know, and the fingerprint of an edit."""
        recorded = unpack_files(record.files)
        if job.kept:
            recorded = recorded[: -len(job.kept)]
        suspect = job.job_id in self._unsynced
        if len(recorded) != len(found):
            return Files.DIFFERENT, b""
        same = all(
            then.mtime_ns == now.st_mtime_ns and then.size_bytes == now.st_size
            for then, now in zip(recorded, found, strict=True)
        )
        if same and not suspect:
            return Files.FINE, b""
        if job.kind != OUTPUT and not same:
            return Files.DIFFERENT, b""
        taken = self._taken(job, job.paths[: len(found)])
        if all(a.digest == b.digest and a.size_bytes == b.size_bytes for a, b in zip(taken, recorded, strict=True)):
            if not same and all(a.digest for a in taken):
                self._store.update_files(job.job_id, pack_files(taken))
                return Files.FINE, b""
            if same:
                return Files.FINE, b""
        if suspect:
            self._log.warning(f"{job.job_id!r}: the file is not what was recorded before the machine went down.")
            return Files.DIFFERENT, b""
        self._log.warning(
            f"{job.job_id!r} was edited by hand since it was made: it is kept as it is, and what depends on it is "
            "redone. Delete it to have it made again."
        )
        return Files.FINE, xxh3_128_digest(b"edited" + b"".join(self._edit_mark(file) for file in taken))

    def _taken(self, job: Job, paths: Sequence[str]) -> list[FileStat]:
        from ppg_protocol.records import FileStat

        absolute = map(self._graph.absolute, paths)
        return [FileStat(*inspect(job.job_id, path, True, HASH_CAP_BYTES)) for path in absolute]

    def _edit_mark(self, file: FileStat) -> bytes:
        return file.digest or f"{file.size_bytes} {file.mtime_ns}".encode()

    def _adoption(self, job: Job, masked: int, adopt: bool) -> Former | None:
        """The record that existing outputs would get; only where they may be adopted at all, because it hashes them."""
        if not adopt and (job.implies_code and job._code is None):
            return None
        if not adopt and any(p.kind == INVARIANT and p.index != masked for p in job.edges):
            return None
        packed = pack_files(self._taken(job, job.kept or job.paths))
        self.adopted_files[job.index] = packed
        build_id = os.urandom(16)
        return Former(build_id, b"", b"", True, content_of(packed, build_id))


class _RecordedInputs(Mapping[str, tuple[bytes, bytes]]):
    """The inputs of a record, read when the planner has to look at them one by one."""

    def __init__(self, store: StatusStore, job_id: str) -> None:
        self._store = store
        self._job_id = job_id

    @cached_property
    def _inputs(self) -> dict[str, tuple[bytes, bytes]]:
        return {i.job_id: (i.strict, i.content) for i in self._store.inputs_of(self._job_id)}

    def __getitem__(self, job_id: str) -> tuple[bytes, bytes]:
        return self._inputs[job_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)
