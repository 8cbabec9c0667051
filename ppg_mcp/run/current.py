"""Outputs that are current beyond doubt: the short way through the survey, which most jobs of most runs take.

So is an output whose record is valid, whose files are by size and mtime those of the record, and whose inputs have the
digest that it names. All others go the long way (`survey`), which looks at them anew.

What is written out here would be calls elsewhere: each takes as long as a fiftieth of all that is done for such a job.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from os import stat

from xxhash import xxh3_128_digest

from ..job import Job
from ..planner.node import OUTPUT, Current
from ..store import FILE_BYTES, FILES_AT, first_file, unpack_files
from .former_records import FormerRecords

CURRENT_MAX = 10_000
"""Outputs that are given to the planner at once."""
TYPE, REGULAR = 0o170000, 0o100000
"""Of `st_mode`: which bits say what it is, and what they say of a regular file."""
_ITS_DIGEST = slice(FILES_AT + 24, FILES_AT + 40)

Own = tuple[str, bytes]
"""Id and value of an implicit FunctionInvariant."""
Holds = Callable[[Sequence[int], Own | None, bytes], bool]
"""`Planner.holds`"""
Other = tuple[Job, tuple[int, ...]]
"""A job that needs a longer look, and the indices of its prerequisites."""


def content_of(files: bytes, build_id: bytes) -> bytes:
    """Fingerprint by content of recorded outputs; where one was too large to hash, the build itself."""
    if len(files) == FILE_BYTES:
        return files[24:40] if files[40] else build_id
    digests = [file.digest for file in unpack_files(files)]
    return xxh3_128_digest(b"".join(digests)) if all(digests) else build_id


class CurrentOutputs:
    """`suspects`: jobs whose outputs may not be what they seem. `own_of`: asks for the value of an implicit
    FunctionInvariant."""

    def __init__(
        self, records: FormerRecords, suspects: Collection[str], holds: Holds, own_of: Callable[[Job], Own | None]
    ) -> None:
        self._records = records
        self._suspects = suspects
        self._holds = holds
        self._own_of = own_of
        self._directory = -1

    def sort_out(self, jobs: Iterable[Job], left_out: Collection[Job], directory: int) -> Iterator[Current | Other]:
        """In the order given: current outputs, many at a time, and whatever else there is, one by one. Paths are
        relative to the descriptor `directory`."""
        self._directory = directory
        current = Current([], [], [], [])
        ids, all_inputs, strict, content = current
        for job in jobs:
            inputs = tuple([p.index for p in job._edges]) if job._edges else ()
            if ids and (len(ids) >= CURRENT_MAX or (inputs and max(inputs) >= job.index - len(ids))):
                yield current  # the planner has to know of an input before anybody can say that a record holds
                ids, all_inputs, strict, content = current = Current([], [], [], [])
            packed = None
            if job.kind == OUTPUT and not (left_out and job in left_out):
                packed = self._record_that_holds(job, inputs)
            if packed is None:
                if ids:
                    yield current
                    ids, all_inputs, strict, content = current = Current([], [], [], [])
                yield job, inputs
                continue
            job._record = None
            build_id = packed[:16]
            ids.append(job.job_id)
            all_inputs.append(inputs)
            strict.append(build_id)
            one = len(packed) == FILES_AT + FILE_BYTES and packed[-1]
            content.append(packed[_ITS_DIGEST] if one else content_of(packed[FILES_AT:], build_id))
        if ids:
            yield current

    def _record_that_holds(self, job: Job, inputs: tuple[int, ...]) -> bytes | None:
        """The record of an output that is current, None where that is in doubt."""
        packed = job._record
        if type(packed) is not bytes:
            packed = self._records.packed(job)
            if packed is None:
                return None
        paths = job.paths
        if len(packed) != FILES_AT + len(paths) * FILE_BYTES or (self._suspects and job.job_id in self._suspects):
            return None
        at = FILES_AT
        for path in paths:
            try:
                found = stat(path, dir_fd=self._directory)
            except OSError:
                return None
            size_bytes, mtime_ns = first_file(packed, at)
            if found.st_mtime_ns != mtime_ns or found.st_size != size_bytes or found.st_mode & TYPE != REGULAR:
                return None
            if not size_bytes and not job.empty_ok:
                return None
            at += FILE_BYTES
        return packed if self._holds(inputs, self._own_of(job), packed[16:32]) else None
