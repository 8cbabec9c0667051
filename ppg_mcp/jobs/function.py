"""FunctionInvariant: redo when a function changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from .invariant import Checksums, Invariant, Value


class FunctionInvariant(Invariant):
    """Redoes its dependants when `function` changes: its code, its defaults, or the values of its closure.

    Comments, docstrings, annotations and position do not count. Functions that it calls need invariants of their own.
    """

    def __init__(self, job_id: str | Path, function: Callable[..., Any]) -> None:
        super().__init__(job_id)
        if not callable(function):
            raise JobContractError(
                f"{self!r}: the function must be callable, not {function!r} ({type(function).__name__})."
            )
        self.function = function

    def definition(self) -> tuple[Any, ...]:
        """The function, compared by fingerprint."""
        return (self.function,)

    def value(self, checksums: Checksums) -> Value:
        """The fingerprint of the function now."""
        from ..fingerprints import fingerprint_function

        taken = fingerprint_function(self.function)
        return Value(taken.digest, _Parts(taken.parts), taken.warnings)


class _Parts(dict[str, str]):
    """The parts in words, computed only when somebody reads them."""

    def __init__(self, parts: Callable[[], dict[str, str]]) -> None:
        super().__init__()
        self._parts: Callable[[], dict[str, str]] = parts

    def items(self) -> Any:
        """The parts, now."""
        return self._parts().items()
