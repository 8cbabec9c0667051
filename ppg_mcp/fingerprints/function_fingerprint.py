"""Fingerprints of functions: digests of their code, defaults and closure, and of the three together.

Rule: equal digests mean "nothing that is seen has changed" (what is seen: `function_encoding.py`, `syntax.py`); the
same answer in every process, under every PYTHONHASHSEED and, where there is source, on every CPython from 3.11 on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .codes import CodeRegistry
from .digest import digest
from .function_encoding import encode_function, encode_simple
from .function_text import MAX_SOURCE_CHARS, functions_in
from .readable import Description

MAX_KEPT_BYTES = 500
"""Of the encodings of defaults and closure, kept to show later what changed."""

_CODES = CodeRegistry(digest)


@dataclass(frozen=True, slots=True)
class FunctionFingerprint:
    """What a callable was like: digests of 16 bytes. `digest` is that of all three parts in a row, which delimit
    themselves; so where it is the same, the three others are.

    `warnings`: what in it can't be seen, in whole sentences.
    """

    digest: bytes
    code: bytes
    defaults: bytes
    closure: bytes
    warnings: tuple[str, ...]


def function_digest(f: Callable[..., Any]) -> tuple[bytes, tuple[str, ...]]:
    """`digest` and `warnings` of the fingerprint, in a third to half the time: what a run with nothing to do needs."""
    simple = encode_simple(f, _CODES)
    if simple is not None:
        return digest(simple), ()
    code, defaults, closure, warnings = encode_function(f, _CODES)
    return digest(code + defaults + closure), warnings


def fingerprint_function(f: Callable[..., Any]) -> FunctionFingerprint:
    """The fingerprint of any callable, as it is now (the value of a closure variable may be another one later).

    Raises TypeError if it is not callable, JobContractError if a default or closure value is nested too deeply or too
    large.
    """
    code, defaults, closure, warnings = encode_function(f, _CODES)
    return FunctionFingerprint(digest(code + defaults + closure), code, digest(defaults), digest(closure), warnings)


def function_description(f: Callable[..., Any]) -> Description:
    """The parts by name, for "changed, because ...": the code as hex, the values as they begin."""
    code, defaults, closure, _ = encode_function(f, _CODES)
    return {"code": code.hex(), "defaults": defaults[:MAX_KEPT_BYTES], "closure": closure[:MAX_KEPT_BYTES]}


def function_source(f: Callable[..., Any]) -> str:
    """The source text of what `code` in the fingerprint stands for, "" where there is none. For eyes only,
    and cut above 65,536 characters."""
    texts = [_CODES.text_of(function) for function in functions_in(f)]
    return "\n\n".join(filter(None, texts))[:MAX_SOURCE_CHARS]
