"""Arbitrary messages for property tests, derived from the dataclasses, a hello to begin with, the golden vectors."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import types
import typing
from typing import Any

from hypothesis import strategies as st

import ppg_protocol.cluster_messages  # noqa: F401  # its classes register themselves
from ppg_protocol.messages import MESSAGE_TYPES, Hello
from ppg_protocol.records import Blob, FileStat

DIRECTORY = pathlib.Path(__file__).parents[2] / "protocol" / "vectors"
VECTORS = [one for path in sorted(DIRECTORY.glob("*.json")) for one in json.loads(path.read_text("ascii"))]
SIGNED = st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(st.characters(), max_size=20) | st.text(st.characters(categories=["Cs"]), max_size=3)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: SIGNED | st.integers(-40, 40),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: TEXT,
    bytes: st.binary(max_size=20),
    Blob: st.binary(max_size=20),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation in SCALARS:
        return SCALARS[annotation]
    if dataclasses.is_dataclass(annotation):
        return records(typing.cast(type, annotation))
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return st.lists(values(arguments[0]), max_size=4).map(tuple)
    assert typing.get_origin(annotation) in (typing.Union, types.UnionType), annotation
    return st.none() | values(arguments[0])


def records(cls: type) -> st.SearchStrategy[Any]:
    fields = {name: values(annotation) for name, annotation in typing.get_type_hints(cls).items()}
    if cls is FileStat:
        fields["inode"] = st.integers(0, (1 << 64) - 1)
    return st.builds(cls, **fields)


any_message = st.one_of([records(cls) for cls in MESSAGE_TYPES.values()])


def hello(role: str = "mcp", **changes: Any) -> Hello:
    """A hello that fits every other of these, its instance that of its role."""
    facts: dict[str, Any] = {
        "protocol_major": 1,
        "protocol_minor": 0,
        "engine_version": "1.0.0",
        "python_version": "3.12.1",
        "role": role,
        "host": f"host-of-{role}",
        "boot_id": "boot",
        "instance": role.encode(),
        "session": "session",
        "epoch": 1,
    }
    return Hello(**(facts | changes))
