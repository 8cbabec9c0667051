"""Small public helpers of the original, under their old names, and the pipegraph that jobs belong to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppg_protocol.errors import JobContractError

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from ..job import Job

__all__ = ["assert_uniqueness_of_object", "checksum_file", "global_pipegraph", "job_or_filename"]

global_pipegraph: Pipegraph | None = None
"""The pipegraph made by the last `new_pipegraph()`; it stays after its run, for its results."""


def current_graph() -> Pipegraph:
    """The pipegraph that jobs belong to now; raises JobContractError where there is none."""
    if global_pipegraph is None:
        raise JobContractError("There is no pipegraph yet: call pypipegraph.new_pipegraph() before making jobs.")
    return global_pipegraph


def checksum_file(path: str | Path) -> str:
    """md5 of a file's content, as hexadecimal text. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def job_or_filename(job_or_path: Job | str | Path, invariant_class: Any = None) -> tuple[str, list[Job]]:
    """For functions that take a job or an input file: the file's name, and what to depend on.

    A path gets an invariant of `invariant_class` (default: FileChecksumInvariant).
    """
    from ..job import Job
    from ..jobs.file_invariants import FileChecksumInvariant

    if isinstance(job_or_path, Job):
        return job_or_path.job_id, [job_or_path]
    return str(job_or_path), [(invariant_class or FileChecksumInvariant)(job_or_path)]


def assert_uniqueness_of_object(instance: Any, pipegraph: Pipegraph | None = None) -> None:
    """Raise ValueError when another object of the same class and `name` was declared unique in this pipegraph."""
    graph = pipegraph or global_pipegraph
    if graph is None:
        return
    unique: dict[tuple[type, str], Any] = graph.__dict__.setdefault("unique_objects", {})
    known = unique.setdefault((type(instance), instance.name), instance)
    if known is not instance:
        raise ValueError(f"There is a {type(instance).__name__} named {instance.name!r} in this pipegraph already.")
