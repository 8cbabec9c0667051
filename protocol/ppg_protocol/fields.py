"""Converters between a field's Python value and its form inside a msgpack body, one pair per annotated field.

Theory of operation: `compile_field` turns an annotation into two closures, once. Both have the shape
`(value, blobs) -> value`: `pack` puts a blob's bytes at the end of `blobs` and leaves its index in the body, `unpack`
looks the index up. Every closure knows the place it checks (`Finished.files[].inode`), so an error can name it
without any bookkeeping on the way that succeeds.

Rules
- Types are exact: a bool is no int, an int no float, bytes no str. Two conveniences for senders: an IntEnum counts
  as an int, and an int in a float field is sent as a float.
- Values are checked in both directions: mypy can't see that a list is too long or a size beyond 64 bits.
- Arrays are decoded as tuples (`use_list=False`), which is also how the messages hold them.

Rejected: generated source code (unreadable in tracebacks, and closures meet the target of `benchmarks/wire.py`);
a schema beside the dataclasses (two truths); a validation library (another dependency in every process).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from enum import IntEnum
from math import isfinite
from operator import attrgetter
from typing import Any

from ppg_protocol import limits
from ppg_protocol.records import Blob, FileStat

Pack = Callable[[Any, list[bytes]], Any]
Unpack = Callable[[Any, Sequence[bytes]], Any]
Pair = tuple[Pack, Unpack]

UNSIGNED_FIELDS = frozenset({(FileStat, "inode")})


class Malformed(Exception):
    """A value does not fit its field; `codec` says whose fault that is. Never leaves this package."""


def wrong(where: str, expected: str, value: object) -> Malformed:
    """The error for a value; shows scalars (cut), never the content of containers, which may be huge or deep."""
    shown = f" {value!r:.80}" if type(value) in (int, bool, float) else ""
    return Malformed(f"{where}: expected {expected}, got {type(value).__name__}{shown}")


def compile_field(where: str, annotation: Any, unsigned: bool = False) -> Pair:
    """The converters of one field. Raises TypeError for an annotation without a wire form: a bug in messages.py."""
    if annotation is int:
        return _integer(where, 0, limits.UNSIGNED_MAX) if unsigned else _integer(where, limits.INT_MIN, limits.INT_MAX)
    if annotation is Blob:
        return _blob(where)
    if annotation in _SCALARS:
        return _SCALARS[annotation](where)
    if dataclasses.is_dataclass(annotation):
        return compile_record(where, typing.cast(type, annotation))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _integers(where) if arguments[0] is int else _tuple_of(where, compile_field(f"{where}[]", arguments[0]))
    if origin in (typing.Union, types.UnionType) and len(arguments) == 2 and arguments[1] is type(None):
        return _optional(compile_field(where, arguments[0]))
    raise TypeError(f"{where}: no wire form for {annotation!r}")


def compile_record(where: str, cls: type, number: int | None = None) -> Pair:
    """The converters of a dataclass: an array of its fields in their order, after `number` when it is a message.

    A receiver ignores fields after those it knows, and fills in trailing fields that have a default and are missing.
    """
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    names = [field.name for field in fields]
    pairs = [compile_field(f"{where}.{name}", hints[name], (cls, name) in UNSIGNED_FIELDS) for name in names]
    packs, unpacks = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    head = [] if number is None else [number]
    needed = sum(field.default is dataclasses.MISSING for field in fields)
    skipped = len(head)
    get = attrgetter(*names)
    only_one = len(names) == 1

    def pack(value: Any, blobs: list[bytes]) -> Any:
        if type(value) is not cls:
            raise wrong(where, cls.__name__, value)
        values = (get(value),) if only_one else get(value)
        return [*head, *[pack_one(one, blobs) for pack_one, one in zip(packs, values)]]  # noqa: B905 - as long by construction

    def unpack(value: Any, blobs: Sequence[bytes]) -> Any:
        if type(value) is not tuple:
            raise wrong(where, "an array", value)
        if len(value) - skipped < needed:
            raise Malformed(f"{where}: expected at least {needed} fields, got {len(value) - skipped}")
        found = value[skipped:] if skipped else value
        return cls(*[unpack_one(one, blobs) for unpack_one, one in zip(unpacks, found)])  # noqa: B905 - extra fields are ignored

    return pack, unpack


def _integer(where: str, low: int, high: int) -> Pair:
    expected = f"an int in [{low}, {high}]"

    def unpack(value: Any, blobs: Sequence[bytes]) -> int:
        if type(value) is not int or not low <= value <= high:
            raise wrong(where, expected, value)
        return value

    def pack(value: Any, blobs: list[bytes]) -> int:
        if type(value) is int and low <= value <= high:
            return value
        return unpack(value.value if isinstance(value, IntEnum) else value, blobs)

    return pack, unpack


def _boolean(where: str) -> Pair:
    def check(value: Any, blobs: Sequence[bytes]) -> bool:
        if type(value) is not bool:
            raise wrong(where, "a bool", value)
        return value

    return check, check


def _real(where: str) -> Pair:
    def unpack(value: Any, blobs: Sequence[bytes]) -> float:
        if type(value) is not float or not isfinite(value):
            raise wrong(where, "a finite float", value)
        return value

    def pack(value: Any, blobs: list[bytes]) -> float:
        return unpack(float(value) if type(value) is int else value, blobs)

    return pack, unpack


def _text(where: str) -> Pair:
    limit, expected = limits.STRING_CHARS, f"a str of at most {limits.STRING_CHARS} code points"

    def check(value: Any, blobs: Sequence[bytes]) -> str:
        if type(value) is not str:
            raise wrong(where, expected, value)
        if len(value) > limit:
            raise Malformed(f"{where}: expected {expected}, got {len(value)}")
        return value

    return check, check


def _checked_bytes(where: str, value: Any, limit: int) -> bytes:
    if type(value) is not bytes:
        raise wrong(where, "bytes", value)
    if len(value) > limit:
        raise Malformed(f"{where}: expected at most {limit} bytes, got {len(value)}")
    return value


def _data(where: str) -> Pair:
    def check(value: Any, blobs: Sequence[bytes]) -> bytes:
        return _checked_bytes(where, value, limits.FIELD_BYTES)

    return check, check


def _blob(where: str) -> Pair:
    def pack(value: Any, blobs: list[bytes]) -> int | None:
        if not _checked_bytes(where, value, limits.BLOB_BYTES):
            return None
        blobs.append(value)
        return len(blobs) - 1

    def unpack(value: Any, blobs: Sequence[bytes]) -> bytes:
        if value is None:
            return b""
        if type(value) is not int or not 0 <= value < len(blobs):
            raise wrong(where, f"nil or the index of one of {len(blobs)} blob frames", value)
        return blobs[value]

    return pack, unpack


def _sized(where: str, value: Any) -> None:
    if type(value) is not tuple:
        raise wrong(where, "an array", value)
    if len(value) > limits.LIST_ITEMS:
        raise Malformed(f"{where}: expected at most {limits.LIST_ITEMS} items, got {len(value)}")


def _integers(where: str) -> Pair:
    """As `_tuple_of` ints, but long lists are checked in C: heartbeats and definitions name thousands."""
    check_one = _integer(f"{where}[]", limits.INT_MIN, limits.INT_MAX)[1]

    def check(value: Any, blobs: Sequence[bytes]) -> tuple[int, ...]:
        _sized(where, value)
        if value and (set(map(type, value)) != {int} or min(value) < limits.INT_MIN or max(value) > limits.INT_MAX):
            for one in value:
                check_one(one, blobs)
        return typing.cast("tuple[int, ...]", value)

    return check, check


def _tuple_of(where: str, pair: Pair) -> Pair:
    pack_one, unpack_one = pair

    def pack(value: Any, blobs: list[bytes]) -> list[Any]:
        _sized(where, value)
        return [pack_one(one, blobs) for one in value]

    def unpack(value: Any, blobs: Sequence[bytes]) -> tuple[Any, ...]:
        _sized(where, value)
        return tuple([unpack_one(one, blobs) for one in value])

    return pack, unpack


def _optional(pair: Pair) -> Pair:
    pack_some, unpack_some = pair

    def pack(value: Any, blobs: list[bytes]) -> Any:
        return None if value is None else pack_some(value, blobs)

    def unpack(value: Any, blobs: Sequence[bytes]) -> Any:
        return None if value is None else unpack_some(value, blobs)

    return pack, unpack


_SCALARS: dict[Any, Callable[[str], Pair]] = {bool: _boolean, float: _real, str: _text, bytes: _data}
