"""ParameterInvariant: redo when parameters change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..job import checked_id
from .invariant import Checksums, Invariant, Value


class ParameterInvariant(Invariant):
    """Encapsulates a value that its dependants were made with, usually a tuple of parameters.

    Compared by type and content: `1`, `1.0` and `True` differ. Its id is "PI" + `job_id`.
    """

    def __init__(self, job_id: str | Path, parameters: Any) -> None:
        super().__init__("PI" + checked_id(job_id))
        self.parameters = parameters
        self._value: Value | None = None

    def definition(self) -> tuple[Any, ...]:
        """The value's fingerprint: the same parameters may be given again."""
        return (_Shown(self.value(_no_checksums), self.parameters),)

    def value(self, checksums: Checksums) -> Value:
        """The fingerprint of the parameters, taken once."""
        if self._value is None:
            from ..fingerprints import fingerprint_value

            taken = fingerprint_value(self.parameters, f"the parameters of {self.job_id!r}")
            self._value = Value(taken.digest, {"value": taken.text}, taken.warnings)
        return self._value


class _Shown:
    """Compares by fingerprint, prints as the parameters themselves."""

    def __init__(self, value: Value, parameters: Any) -> None:
        self.digest = value.digest
        self.parameters = parameters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shown) and self.digest == other.digest

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.parameters)


def _no_checksums(path: str) -> bytes:
    raise AssertionError(path)
