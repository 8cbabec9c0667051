"""Arrays in a file that is mapped into memory: calculated once, never read as a whole, shared by all jobs of a machine.

The file is numpy's own format (.npy), so shape, order and dtype come back as they were calculated. numpy is imported
where a job runs, unless the script did.

Rejected (ADR 0020): the bare bytes of the array, which lose the shape; and a copy in the memory of the compute slave,
which a machine with less memory than the array can't hold.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ppg_protocol.errors import JobContractError

from .cached import CachedHalves, CalculatingJob
from .callback import check_callback
from .loading import DataLoadingJob
from .parameter import ParameterInvariant
from .tables import described

if TYPE_CHECKING:
    import numpy


class MemMappedDataLoadingJob(CachedHalves):
    """Calls `loading_function(array)` in the compute slave, with a read-only numpy.memmap of what was calculated.

    The loading job's own id is that of the file with "_load" appended. Prerequisites, resources and
    `ignore_code_changes` concern the calculation, which is `.lfg`.

    Args:
        cache_filename: The file, in numpy's .npy format.
        calculating_function: Takes no argument, returns a numpy array of exactly this dtype and of any shape.
        loading_function: Takes the array, read-only and of the shape that was calculated; its answer is ignored.
        dtype: Whatever numpy.dtype() takes, but nothing that holds Python objects.

    Raises:
        JobContractError: There is no numpy. A dtype that can't be mapped; where numpy is not imported yet, when the job
            runs.
    """

    _has_code: ClassVar[bool] = False

    def __init__(
        self,
        cache_filename: str | Path,
        calculating_function: Callable[[], Any],
        loading_function: Callable[[Any], Any],
        dtype: Any,
    ) -> None:
        self.lfg = ArrayCalculatingJob(cache_filename, calculating_function, dtype)
        self._loading_function = loading_function
        DataLoadingJob.__init__(self, self.lfg.job_id + "_load", self._load)
        self._count(loading_function)
        check_callback(self, loading_function, 1, "loading functions get the array")
        self.connect(self.lfg)

    def _load(self) -> Any:
        return self._loading_function(self.lfg.read())


class ArrayCalculatingJob(CalculatingJob):
    """The calculating half: stores an array of `dtype`, reads it by mapping it."""

    def __init__(self, job_id: str | Path, calculate: Callable[[], Any], dtype: Any) -> None:
        super().__init__(job_id, calculate)
        self._dtype = dtype
        if sys.modules.get("numpy") is not None:
            mappable(self, dtype)
        elif importlib.util.find_spec("numpy") is None:
            raise JobContractError(
                f"{self!r} needs numpy, which can't be imported here. Install it with: pip install numpy"
            )
        self.depends_on(ParameterInvariant(self.job_id + "_dtype", dtype))

    def store(self, value: Any, file: BinaryIO) -> None:
        """Write the array, if it is what was promised."""
        import numpy

        wanted = mappable(self, self._dtype)
        if not isinstance(value, numpy.ndarray):
            raise self._refusal(wanted, f"a {described(value)} came")
        if isinstance(value, numpy.ma.MaskedArray):
            raise self._refusal(wanted, "a masked array came, whose mask would be lost; use .filled()")
        if not _fits(value.dtype, wanted):
            raise self._refusal(wanted, f"one of {value.dtype!r} came; use .astype()")
        numpy.lib.format.write_array(file, value, allow_pickle=False)

    def read(self) -> Any:
        """The array, mapped, not copied."""
        import numpy

        return numpy.load(self.graph.absolute(self.paths[0]), mmap_mode="r", allow_pickle=False)

    def _refusal(self, wanted: numpy.dtype[Any], came: str) -> JobContractError:
        return JobContractError(f"{self!r}: calculating_function must return a numpy array of {wanted!r}, but {came}.")


def mappable(job: object, dtype: Any) -> numpy.dtype[Any]:
    """As numpy.dtype; raises JobContractError for what is none, and for Python objects, which can't be mapped."""
    import numpy

    try:
        wanted: numpy.dtype[Any] = numpy.dtype(dtype)
    except TypeError as error:
        raise JobContractError(f"{job!r}: numpy does not take {dtype!r} for a dtype: {error}.") from error
    if wanted.hasobject:
        raise JobContractError(
            f"{job!r}: an array of {wanted!r} holds Python objects, which can't be mapped into memory. "
            "Use a CachedDataLoadingJob for it."
        )
    return wanted


def _fits(came: numpy.dtype[Any], wanted: numpy.dtype[Any]) -> bool:
    """Equal; where the wanted dtype has no length (`str`, "S"), any length will do."""
    if wanted.itemsize == 0 and wanted.kind in "US":
        return came.kind == wanted.kind
    return came == wanted
