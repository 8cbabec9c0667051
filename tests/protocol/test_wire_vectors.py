"""The golden vectors pin the bytes of every message, both ways."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from typing import Any

import pytest
from wire_samples import DIRECTORY, VECTORS

import ppg_protocol.cluster_messages  # noqa: F401  # its classes register themselves
from ppg_protocol.envelope import Envelope, seal_one, unseal
from ppg_protocol.messages import MESSAGE_TYPES

CLASSES = {cls.__name__: cls for cls in MESSAGE_TYPES.values()}


def from_json(annotation: Any, shown: Any) -> Any:
    """The reader of the vectors knows the dataclasses, not the codec."""
    if isinstance(shown, list):
        return tuple(from_json(typing.get_args(annotation)[0], one) for one in shown)
    if isinstance(shown, dict) and set(shown) == {"hex"}:
        return bytes.fromhex(shown["hex"])
    if isinstance(shown, dict):
        cls = typing.get_args(annotation)[0] if isinstance(annotation, types.UnionType) else annotation
        hints = typing.get_type_hints(cls)
        assert list(hints) == list(shown)
        return cls(**{name: from_json(hints[name], value) for name, value in shown.items()})
    return shown


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any]) -> None:
    message = from_json(CLASSES[vector["message"]["type"]], vector["message"]["fields"])
    frames = [bytes.fromhex(frame) for frame in vector["frames"]]
    assert seal_one(vector["first"], vector["acknowledged"], [message]).frames == frames
    assert unseal(frames) == Envelope(vector["first"], vector["acknowledged"], (message,))


def test_every_message_type_has_a_vector() -> None:
    assert {vector["message"]["type"] for vector in VECTORS} == set(CLASSES)


def test_names_are_unique() -> None:
    names = [vector["name"] for vector in VECTORS]
    assert len(names) == len(set(names))


def test_the_specification_lists_every_message_with_its_fields() -> None:
    text = (DIRECTORY.parent / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    listed = {int(number): (name, re.sub(r" \([^)]*\)", "", fields).split(", ")) for number, name, fields in rows}
    assert listed == {
        number: (cls.__name__, [field.name for field in dataclasses.fields(cls)])
        for number, cls in MESSAGE_TYPES.items()
    }
