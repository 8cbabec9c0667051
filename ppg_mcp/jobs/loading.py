"""Jobs that put data into the memory of a compute slave, from where all jobs that depend on them share it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from ppg_cs.tasks import LoadTask
from ppg_protocol.errors import JobContractError

from ..job import CODE_SUFFIX, Job
from ..planner.node import Kind
from .callback import check_callback
from .function import FunctionInvariant


class DataLoadingJob(Job):
    """Calls `callback()` in the compute slave, once per machine that needs it; where it stores the data is its affair.

    Runs only if a job that must run depends on it. The data stays for the rest of the run.

    Args:
        job_id: Any name; there is no file.
        callback: Takes no argument; its answer is ignored.
    """

    kind: ClassVar[Kind] = Kind.LOADING
    _has_code: ClassVar[bool] = True
    """Is the callback the user's, so that changes of it count?"""

    def __init__(self, job_id: str | Path, callback: Callable[[], Any]) -> None:
        super().__init__(job_id)
        check_callback(self, callback, 0, "loading jobs get none")
        self.callback = callback
        if self._has_code:
            self._count(callback)

    def _count(self, function: Callable[..., Any]) -> None:
        """Changes of this function count as those of the callback."""
        self._code = FunctionInvariant(self.job_id + CODE_SUFFIX, function)
        self.connect(self._code)

    def task(self) -> LoadTask:
        """Calls the callback in the process that keeps the data."""
        assert self.callback is not None
        return LoadTask(self.job_id, self.callback, None)


class AttributeLoadingJob(DataLoadingJob):
    """Sets `object.attribute` to what `callback()` returns, in the compute slave.

    The attribute vanishes there once no job needs it any more. In the script itself it never exists.

    Args:
        job_id: Any name; there is no file.
        object: What gets the attribute. It must allow to set and delete it.
        attribute: Its name, a Python identifier.
        callback: Takes no argument, returns the value.

    Raises:
        JobContractError: The attribute can't be a name, or the id is taken by a job for another object or attribute.
    """

    def __init__(
        self,
        job_id: str | Path,
        object: Any,
        attribute: str,
        callback: Callable[[], Any],
    ) -> None:
        super().__init__(job_id, callback)
        if not isinstance(attribute, str) or not attribute.isidentifier():
            raise JobContractError(f"{self!r}: the attribute must be a valid name, not {attribute!r}.")
        self.object = object
        self.attribute = attribute

    def definition(self) -> tuple[Any, ...]:
        """The target: two jobs that load into different objects are not the same job."""
        return (_Identity(self.object), self.attribute)

    def task(self) -> LoadTask:
        """Loads and stores; unloading deletes the attribute."""
        return LoadTask(self.job_id, self._load, self._unload)

    def _load(self) -> Any:
        assert self.callback is not None
        value = self.callback()
        setattr(self.object, self.attribute, value)
        return value

    def _unload(self) -> None:
        delattr(self.object, self.attribute)


class _Identity:
    """Compares by identity, prints as the object."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.of is other.of

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.of)
