"""Small public helpers of the original, under their old names, and the pipegraph that jobs belong to."""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppg_protocol.errors import JobContractError

if TYPE_CHECKING:
    from ..graph import Pipegraph
    from ..job import Job

__all__ = [
    "CPUs",
    "assert_uniqueness_of_object",
    "checksum_file",
    "file_exists",
    "flatten_jobs",
    "global_pipegraph",
    "inside_ppg",
    "job_or_filename",
    "output_file_exists",
    "stat",
]

global_pipegraph: Pipegraph | None = None
"""The pipegraph made by the last `new_pipegraph()`; it stays after its run, for its results."""


@atexit.register
def _let_go() -> None:
    """After the handlers that the script registered."""
    if global_pipegraph is not None:
        global_pipegraph.let_go()


def current_graph() -> Pipegraph:
    """The pipegraph that jobs belong to now; raises JobContractError where there is none."""
    if global_pipegraph is None:
        raise JobContractError("There is no pipegraph yet: call pypipegraph.new_pipegraph() before making jobs.")
    return global_pipegraph


def checksum_file(path: str | Path) -> str:
    """md5 of a file's content, as hexadecimal text. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def file_exists(path: str | Path) -> bool:
    """Is there anything of this name?"""
    return os.path.exists(path)


def output_file_exists(path: str | Path) -> bool:
    """Would it do as a job's output: is there a file, and not an empty one?"""
    return os.path.isfile(path) and os.path.getsize(path) > 0


def stat(path: str | Path) -> os.stat_result:
    """`os.stat`, which the original cached. Raises OSError."""
    return os.stat(path)


def CPUs() -> int:  # noqa: N802, RUF100  # the original's name for it
    """Cores of this machine that may be used: CPU affinity, cgroup and Slurm limits count."""
    from ppg_cs import machine

    return machine.cores()


def inside_ppg() -> bool:
    """Is there a pipegraph that a new job would belong to?"""
    return global_pipegraph is not None


def flatten_jobs(jobs: Any) -> Iterator[Job]:
    """All jobs of nested iterables, in order; None is passed over. Raises JobContractError for anything else."""
    from ..job import Job

    if isinstance(jobs, Job):
        yield jobs
    elif isinstance(jobs, Iterable) and not isinstance(jobs, (str, bytes)):
        for part in jobs:
            yield from flatten_jobs(part)
    elif jobs is not None:
        raise JobContractError(f"flatten_jobs() takes jobs and iterables of them, not {jobs!r}.")


def job_or_filename(job_or_path: Job | str | Path | None, invariant_class: Any = None) -> tuple[str | None, list[Job]]:
    """For functions that take a job or an input file: the file's name, and what to depend on.

    Args:
        job_or_path: A job (its id is the name), a path, or None (which gives None, and nothing to depend on).
        invariant_class: Of what a path gets; default: FileChecksumInvariant.
    """
    from ..job import Job
    from ..jobs.file_invariants import FileChecksumInvariant

    if job_or_path is None:
        return None, []
    if isinstance(job_or_path, Job):
        return job_or_path.job_id, [job_or_path]
    return str(job_or_path), [(invariant_class or FileChecksumInvariant)(job_or_path)]


def assert_uniqueness_of_object(
    instance: Any, pipegraph: Pipegraph | None = None, also_check: type | Iterable[type] = ()
) -> None:
    """Raise ValueError when another object of the same class and `name` was declared unique in this pipegraph.

    Args:
        instance: Has an attribute `name`.
        pipegraph: Default: the current one; without one, nothing is checked.
        also_check: Further classes that must not have one of that name.
    """
    graph = pipegraph or global_pipegraph
    if graph is None:
        return
    unique: dict[tuple[type, str], Any] = graph.__dict__.setdefault("unique_objects", {})
    own = type(instance)
    for cls in (own, *([also_check] if isinstance(also_check, type) else also_check)):
        if unique.get((cls, instance.name), instance) is not instance:
            raise ValueError(f"There is a {cls.__name__} named {instance.name!r} in this pipegraph already.")
    unique[own, instance.name] = instance
