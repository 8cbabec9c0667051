"""The alphabet of the canonical encoding, and the values that are encoded without looking inside.

    value  := atom | group
    atom   := N | T | F | E | X                None, True, False, Ellipsis, NotImplemented
            | i HEX ;    | f REPR ;            int, float
            | c REPR , REPR ;                  complex
            | s LEN : UTF8                     str (LEN counts bytes; lone surrogates pass)
            | b LEN : BYTES | B LEN : BYTES    bytes, bytearray
            | h HEX ;                          a digest that stands for bulk content
            | @ str                            a function, class or module: known by its name alone
            | ? str                            a value of an unknown type: known by its type's name alone
            | ^ HEX ;                          the enclosing group that many levels up (a recursive structure)
            | u                                a closure cell that is not filled yet
    group  := ( value* .  tuple    | [ value* .  list        | { (key value)* .  dict, sorted
            | < value* .  set, sorted | $ value* .  frozenset, sorted
            | O str value* .                   an object: name of its type, then what determines it

Invariants: every value starts with its tag and delimits itself, so that a concatenation of encodings can be read in
one way only; two values have the same encoding only if they have the same types and contents all the way down (`1`,
`1.0` and `True` differ, and so do `0.0` and `-0.0`; every nan is the same nan). Nothing depends on hashes, addresses
or the interpreter's version.

Rejected: pickle (memoises shared objects, so equal values differ; versions differ), repr (not typed, cut by numpy,
shows addresses), marshal (references depend on refcounts).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Named(NamedTuple):
    """A thing that is known by its name alone, such as "function os.path.join"."""

    name: str


class Bulk(NamedTuple):
    """The digest of content too large to be part of the encoding, such as the bytes of an array."""

    digest: bytes


class UnfilledCell:
    """Stands for the content of a closure variable that has not been assigned."""


OPENING = b"{"
NOTHING = OPENING + b"."
"""A dict without items: no defaults, no closure."""


def encode_str(value: str) -> bytes:
    data = value.encode() if value.isascii() else value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(data), data)


def _bool(value: bool) -> bytes:
    return b"T" if value else b"F"


def _int(value: int) -> bytes:
    return b"i%x;" % value  # hex: decimal refuses more than 4300 digits


def _float(value: float) -> bytes:
    return b"f%b;" % repr(value).encode()


def _complex(value: complex) -> bytes:
    return b"c%b,%b;" % (repr(value.real).encode(), repr(value.imag).encode())


def _bytes(value: bytes) -> bytes:
    return b"b%d:%b" % (len(value), value)


ATOMS: dict[type, Callable[[Any], bytes]] = {
    str: encode_str,
    int: _int,
    bool: _bool,
    float: _float,
    type(None): lambda value: b"N",
    bytes: _bytes,
    complex: _complex,
    bytearray: lambda value: b"B%d:%b" % (len(value), value),
    type(Ellipsis): lambda value: b"E",
    type(NotImplemented): lambda value: b"X",
    Named: lambda value: b"@" + encode_str(value.name),
    Bulk: lambda value: b"h%b;" % value.digest.hex().encode(),
    UnfilledCell: lambda value: b"u",
}
