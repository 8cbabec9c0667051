"""Expensive values: calculated once, pickled to a file, loaded into memory where they are needed.

Each is two jobs. The calculating half is cached: its file persists, and it runs only when a job that must run needs the
value and the file does not match. The loading half is what dependants depend on; prerequisites, resources and
`ignore_code_changes` go to the calculating half, which is reachable as `.lfg` (its name in the original).
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

from ppg_cs.returned import refuse_jobs

from ..planner.node import Kind
from .callback import check_callback
from .files import FileGeneratingJob
from .loading import AttributeLoadingJob, DataLoadingJob


class CalculatingJob(FileGeneratingJob):
    """The calculating half: pickles what `calculate()` returns to the file `job_id`."""

    kind: ClassVar[Kind] = Kind.CACHED

    def __init__(self, job_id: str | Path, calculate: Callable[[], Any]) -> None:
        self._calculate = calculate
        super().__init__(job_id, self._write)
        self._count(calculate)
        check_callback(self, calculate, 0, "calculating functions get none")

    def _write(self) -> None:
        value = self._calculate()
        refuse_jobs(self.job_id, value)
        path = self.graph.absolute(self.paths[0])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            self.store(value, file)

    def store(self, value: Any, file: BinaryIO) -> None:
        """Write the value."""
        pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)

    def read(self) -> Any:
        """The value, from the file."""
        with open(self.graph.absolute(self.paths[0]), "rb") as file:
            return pickle.load(file)


class CachedHalves(DataLoadingJob):
    """Sends what concerns the calculation to the calculating half."""

    lfg: CalculatingJob

    def depends_on(self, *others: Any) -> Self:
        """Add prerequisites of the calculation."""
        self.lfg.depends_on(*others)
        return self

    def ignore_code_changes(self) -> Self:
        """Do not calculate again because the calculating function changed."""
        self.lfg.ignore_code_changes()
        return self

    @property
    def early_cutoff(self) -> bool | None:
        """Of the calculation."""
        return self.lfg.early_cutoff

    @early_cutoff.setter
    def early_cutoff(self, by_content: bool | None) -> None:
        self.lfg.early_cutoff = by_content

    def prune(self) -> Self:
        """Leave the calculation and the loading out of the coming run; see `Job.prune`."""
        self.lfg.prune()
        return super().prune()

    def unprune(self) -> Self:
        """Take `prune()` back."""
        self.lfg.unprune()
        return super().unprune()

    @property
    def cores_needed(self) -> int:
        """Cores of the calculation."""
        return self.lfg.cores_needed

    @cores_needed.setter
    def cores_needed(self, cores: int) -> None:
        self.lfg.cores_needed = cores

    @property
    def memory_needed(self) -> int:
        """Bytes of memory of the calculation."""
        return self.lfg.memory_needed

    @memory_needed.setter
    def memory_needed(self, memory_bytes: int) -> None:
        self.lfg.memory_needed = memory_bytes


class CachedAttributeLoadingJob(CachedHalves, AttributeLoadingJob):
    """Sets `target_object.target_attribute` to what `calculating_function()` returned, calculating it only once.

    The loading job's own id is that of the cache file with "_load" appended. Prerequisites, resources and
    `ignore_code_changes` concern the calculation, which is `.lfg`.

    Args:
        job_id: The cache file, a pickle.
        target_object: What gets the attribute.
        target_attribute: Its name, a Python identifier.
        calculating_function: Takes no argument, returns the value, which must be picklable.
    """

    _has_code: ClassVar[bool] = False

    def __init__(
        self,
        job_id: str | Path,
        target_object: Any,
        target_attribute: str,
        calculating_function: Callable[[], Any],
    ) -> None:
        self.lfg = CalculatingJob(job_id, calculating_function)
        AttributeLoadingJob.__init__(self, self.lfg.job_id + "_load", target_object, target_attribute, self.lfg.read)
        self.connect(self.lfg)


class CachedDataLoadingJob(CachedHalves):
    """Calls `loading_function(value)` in the compute slave with what `calculating_function()` returned.

    The loading job's own id is that of the cache file with "_load" appended. Prerequisites, resources and
    `ignore_code_changes` concern the calculation, which is `.lfg`.

    Args:
        job_id: The cache file, a pickle.
        calculating_function: Takes no argument, returns the value, which must be picklable.
        loading_function: Takes the value; its answer is ignored.
    """

    _has_code: ClassVar[bool] = False

    def __init__(
        self,
        job_id: str | Path,
        calculating_function: Callable[[], Any],
        loading_function: Callable[[Any], Any],
    ) -> None:
        self.lfg = CalculatingJob(job_id, calculating_function)
        self._loading_function = loading_function
        DataLoadingJob.__init__(self, self.lfg.job_id + "_load", self._load)
        self._count(loading_function)
        check_callback(self, loading_function, 1, "loading functions get the value")
        self.connect(self.lfg)

    def _load(self) -> Any:
        return self._loading_function(self.lfg.read())


CachedJob = CachedDataLoadingJob
