"""What all invariants share: they have a value, which is taken in the master when run() starts."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Protocol

from ppg_protocol.errors import JobContractError

from ..fingerprints import Description, in_words
from ..job import Job
from ..planner.node import Kind
from .acceptance import Acceptance


class Surroundings(Protocol):
    """What an invariant may ask for while its value is taken."""

    def checksum(self, path: str) -> bytes:
        """md5 of a file by its absolute path, from memory where its stat did not change. Raises OSError."""

    def acceptance(self, job_id: str) -> Acceptance | None:
        """What `remember` was given in an earlier run."""

    def remember(self, job_id: str, acceptance: Acceptance) -> None:
        """For the next run, if this one is not a dry run."""

    def warn(self, text: str) -> None:
        """Tell the user, once per run."""


class Invariant(Job):
    """Forces a redo of its dependants when its value changes. Never runs, and depends on nothing."""

    kind: ClassVar[Kind] = Kind.INVARIANT

    def depends_on(self, *others: Any) -> NoReturn:
        """Not possible: raises JobContractError."""
        raise JobContractError(
            f"{self!r} is an invariant: it is evaluated before anything runs and can't depend on {others!r}."
        )

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """The value now, in 16 bytes. Raises OSError or JobContractError where it can't be taken."""
        raise AssertionError(f"{type(self).__name__}.fingerprint")

    def description(self) -> Description:
        """The parts of the value, after `fingerprint` was taken: to tell later which of them changed."""
        return {}

    def parts(self) -> dict[str, str]:
        """The description in words."""
        return in_words(self.description())

    def source(self) -> str:
        """The source text behind the part `code` of `parts`, "" where there is none."""
        return ""
