"""ParameterInvariant: redo when parameters change."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from ..fingerprints import ValueFingerprint, fingerprint_value, value_text
from ..job import checked_id
from .invariant import Invariant, Surroundings

MAX_TEXT_CHARS = 4000
"""Of the parameters, kept to show later what changed."""


class ParameterInvariant(Invariant):
    """Encapsulates a value that its dependants were made with, usually a tuple of parameters.

    Compared by type and content: `1`, `1.0` and `True` differ. Its id is "PI" + `job_id`.
    """

    def __init__(self, job_id: str | Path, parameters: Any) -> None:
        super().__init__("PI" + checked_id(job_id))
        self.parameters = parameters

    @cached_property
    def _taken(self) -> ValueFingerprint:
        return fingerprint_value(self.parameters, f"the parameters of {self.job_id!r}")

    def definition(self) -> tuple[Any, ...]:
        """The parameters, compared by fingerprint: the same may be given again."""
        return (_Parameters(self),)

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """Of the parameters, taken once."""
        for warning in self._taken.warnings:
            surroundings.warn(warning)
        return self._taken.digest

    def parts(self) -> dict[str, str]:
        """The parameters as text: only asked for where they are recorded or have changed."""
        return {"value": value_text(self.parameters, MAX_TEXT_CHARS)}


class _Parameters:
    """Compares by fingerprint, prints as the parameters themselves."""

    def __init__(self, invariant: ParameterInvariant) -> None:
        self.invariant = invariant

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parameters) and self.invariant._taken.digest == other.invariant._taken.digest

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.invariant.parameters)
