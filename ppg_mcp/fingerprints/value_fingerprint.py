"""Fingerprints of values (parameters). How they are encoded: `values.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .digest import digest
from .function_encoding import warning
from .readable import MAX_CHARS, Description, readable
from .values import Unseen, encode_value


@dataclass(frozen=True, slots=True)
class ValueFingerprint:
    """What a value was like: 16 bytes, and `warnings` about what in it can't be seen."""

    digest: bytes
    warnings: tuple[str, ...]
    _text: bytes = field(repr=False, compare=False)  # a prefix of the encoding

    @property
    def text(self) -> str:
        """The value for humans, at most 500 characters. Never compare by it: it is cut, the digest is not."""
        return readable(self._text)


def value_description(value: Any, max_bytes: int) -> Description:
    """The value as its only part, cut to so many bytes."""
    return {"value": encode_value(value, [])[:max_bytes]}


def fingerprint_value(value: Any, what: str = "value") -> ValueFingerprint:
    """The fingerprint of a value as it is now; `what` is how warnings call it.

    Raises JobContractError if it is nested too deeply or too large.
    """
    unseen: list[Unseen] = []
    encoding = encode_value(value, unseen)
    warnings = tuple([warning(one, what + one.trail) for one in unseen])
    return ValueFingerprint(digest(encoding), warnings, encoding[:MAX_CHARS])
