"""FunctionInvariant: redo when a function changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from ..fingerprints import Description, function_description, function_digest, function_source
from ..job import CODE_SUFFIX, UNSEEN, Job
from .invariant import Invariant, Surroundings


class FunctionInvariant(Invariant):
    """Redoes its dependants when `function` changes: its code, its defaults, or the values of its closure.

    Comments, docstrings, annotations and position do not count. Functions that it calls need invariants of their own.

    Args:
        job_id: Any name. That of a job's callback is called id + "_func".
        function: Any callable. Of a bound method, `self` does not count.

    Raises:
        JobContractError: Not callable, or another function under the same id.
    """

    def __init__(self, job_id: str | Path, function: Callable[..., Any]) -> None:
        super().__init__(job_id)
        if not callable(function):
            raise JobContractError(
                f"{self!r}: the function must be callable, not {function!r} ({type(function).__name__})."
            )
        self.function = function

    @classmethod
    def implied_by(cls, job: Job, function: Callable[..., Any]) -> FunctionInvariant:
        """The one of a job's callback; made without a constructor, which would register it."""
        implied = cls.__new__(cls)
        implied.graph = job.graph
        implied.index = UNSEEN
        implied._record = None
        implied.job_id = job.job_id + CODE_SUFFIX
        implied.function = function
        return implied

    def definition(self) -> tuple[Any, ...]:
        """The function, compared by fingerprint."""
        return (self.function,)

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """Of the function as it is now."""
        digest, warnings = function_digest(self.function)
        for warning in warnings:
            surroundings.warn(warning)
        return digest

    def description(self) -> Description:
        """Code, defaults and closure."""
        return function_description(self.function)

    def source(self) -> str:
        """Of the function, as its code was compiled."""
        return function_source(self.function)
