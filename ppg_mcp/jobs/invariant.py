"""What all invariants share: they have a value, which is taken in the master when run() starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from ppg_protocol.errors import JobContractError

from ..job import Job
from ..planner.node import Kind


@dataclass(frozen=True, slots=True)
class Checksum:
    """md5 of a file's content, with the stat for which it was taken: while these agree it is not taken again."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    digest: bytes


Checksums = Callable[[str], bytes]
"""Gives the checksum of a file by its absolute path, from memory where its stat did not change."""


@dataclass(frozen=True, slots=True)
class Value:
    """An invariant's fingerprint (16 bytes), its parts in words (to tell later what changed), and warnings."""

    digest: bytes
    parts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Invariant(Job):
    """Forces a redo of its dependants when its value changes. Never runs, and depends on nothing."""

    kind: ClassVar[Kind] = Kind.INVARIANT

    def depends_on(self, *others: Any) -> NoReturn:
        """Not possible: raises JobContractError."""
        raise JobContractError(
            f"{self!r} is an invariant: it is evaluated before anything runs and can't depend on {others!r}."
        )

    def value(self, checksums: Checksums) -> Value:
        """The value now. Raises OSError where it can't be taken."""
        raise AssertionError(f"{type(self).__name__}.value")
