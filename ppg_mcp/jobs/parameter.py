"""ParameterInvariant: redo when parameters change."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from ..fingerprints import Description, ValueFingerprint, fingerprint_value, value_description
from ..job import checked_id
from .acceptance import Acceptance
from .invariant import Invariant, Surroundings

MAX_KEPT_BYTES = 4000
"""Of the parameters, kept to show later what changed."""


class ParameterInvariant(Invariant):
    """Encapsulates a value that its dependants were made with, usually a tuple of parameters.

    Compared by type and content: `1`, `1.0` and `True` differ. Its id is "PI" + `job_id`.

    Args:
        job_id: Any name.
        parameters: The value. Of types that can't be compared by content, a warning tells.
        accept_as_unchanged_func: Called with the parameters of the run before when they differ from those of now; if
            its answer is true, nothing counts as changed and no dependant is redone. If it raises, the dependants fail.

    Raises:
        JobContractError: Other parameters under the same id, or a function that does not take one argument.
    """

    def __init__(
        self,
        job_id: str | Path,
        parameters: Any,
        accept_as_unchanged_func: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__("PI" + checked_id(job_id))
        self.parameters = parameters
        self.accept_as_unchanged_func = accept_as_unchanged_func
        if accept_as_unchanged_func is not None:
            _check_takes_one(self, accept_as_unchanged_func)

    @cached_property
    def _taken(self) -> ValueFingerprint:
        return fingerprint_value(self.parameters, f"the parameters of {self.job_id!r}")

    def definition(self) -> tuple[Any, ...]:
        """The parameters, compared by fingerprint: the same may be given again; and the function."""
        return (_Parameters(self), self.accept_as_unchanged_func)

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """Of the parameters, or of those that they were accepted for. Raises JobContractError if the function fails."""
        for warning in self._taken.warnings:
            surroundings.warn(warning)
        if self.accept_as_unchanged_func is None:
            return self._taken.digest
        former = surroundings.acceptance(self.job_id)
        if former is not None and former.digest == self._taken.digest:
            return former.representative
        now = self._compared(former, surroundings)
        surroundings.remember(self.job_id, now)
        return now.representative

    def description(self) -> Description:
        """The parameters: only asked for where they are recorded or have changed."""
        return value_description(self.parameters, MAX_KEPT_BYTES)

    def _compared(self, former: Acceptance | None, surroundings: Surroundings) -> Acceptance:
        digest, parameters = self._taken.digest, self._pickled(surroundings)
        if former is None:
            return Acceptance.first(digest, parameters)
        if self._is_accepted(former, surroundings):
            return former.accept(digest, parameters)
        return former.reject(digest, parameters)

    def _is_accepted(self, former: Acceptance, surroundings: Surroundings) -> bool:
        if not former.parameters:
            return False
        try:
            old = pickle.loads(former.parameters)
        except Exception as error:  # noqa: BLE001, RUF100  # a foreign class's unpickling may raise anything
            surroundings.warn(
                f"The former parameters of {self!r} can't be unpickled ({type(error).__name__}: {error}), so "
                "accept_as_unchanged_func can't be asked: they count as changed."
            )
            return False
        assert self.accept_as_unchanged_func is not None
        try:
            return bool(self.accept_as_unchanged_func(old))
        except Exception as error:
            raise JobContractError(
                f"{self!r}: accept_as_unchanged_func raised {type(error).__name__}: {error}. It is called with the "
                f"parameters of the run before, here {repr(old)[:200]}, and says whether these may be taken for the "
                "present ones."
            ) from error

    def _pickled(self, surroundings: Surroundings) -> bytes:
        """By pickle where it can, which newer Pythons can read, else by cloudpickle."""
        try:
            return pickle.dumps(self.parameters, pickle.HIGHEST_PROTOCOL)
        except Exception:  # noqa: BLE001, RUF100  # a foreign class's pickling may raise anything
            pass
        try:
            import cloudpickle

            return bytes(cloudpickle.dumps(self.parameters, pickle.HIGHEST_PROTOCOL))
        except Exception as error:  # noqa: BLE001, RUF100
            surroundings.warn(
                f"The parameters of {self!r} can't be pickled ({type(error).__name__}: {error}), so "
                "accept_as_unchanged_func can't be asked about them later: the next change will count as one."
            )
            return b""


def _check_takes_one(invariant: ParameterInvariant, function: object) -> None:
    if not callable(function):
        raise JobContractError(
            f"{invariant!r}: accept_as_unchanged_func must be callable, not {function!r} ({type(function).__name__})."
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have no signature
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise JobContractError(
            f"{invariant!r}: accept_as_unchanged_func is called with one argument, the parameters of the run before, "
            f"but it is {getattr(function, '__name__', function)}{signature}: {error}."
        ) from None


class _Parameters:
    """Compares by fingerprint, prints as the parameters themselves."""

    def __init__(self, invariant: ParameterInvariant) -> None:
        self.invariant = invariant

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parameters) and self.invariant._taken.digest == other.invariant._taken.digest

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.invariant.parameters)
