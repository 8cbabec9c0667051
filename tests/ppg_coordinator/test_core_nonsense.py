"""Peers that say anything at all, of anybody and in any order: nothing raises, and those who keep to the contract share
on as before, or as is fair among all."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from core_world import GB, Mcp, Slave, Talker, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppg_coordinator.core.events import PeerSpoke
from ppg_protocol.messages import MESSAGE_TYPES, Hello, Refuse
from ppg_protocol.records import Blob

NUMBERS = st.integers(-3, 20) | st.sampled_from([GB, 64 * GB, -(1 << 63), (1 << 63) - 1])
NAMES = st.sampled_from(["good", "eve", "m", "n", "/good", "/eve", "status", "drain", "revoke", "good\n", "\ud800", ""])
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: NUMBERS,
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: NAMES,
    bytes: st.binary(max_size=4),
    Blob: st.binary(max_size=4),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation in SCALARS:
        return SCALARS[annotation]
    if dataclasses.is_dataclass(annotation):
        return records(typing.cast(type, annotation))
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    assert typing.get_origin(annotation) in (typing.Union, types.UnionType), annotation
    return st.none() | values(arguments[0])


def records(cls: type) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: values(annotation) for name, annotation in typing.get_type_hints(cls).items()})


messages = st.one_of([records(cls) for cls in MESSAGE_TYPES.values() if cls not in (Hello, Refuse)])
TOLD_TO_CORE = {
    "OpenSession",
    "Demand",
    "Exclude",
    "Register",
    "Holding",
    "OlderEnded",
    "SessionEnded",
    "Leaving",
    "Ask",
}
likely = st.one_of([records(cls) for cls in MESSAGE_TYPES.values() if cls.__name__ in TOLD_TO_CORE])
ROLES = ["mcp", "slave", "operator"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(st.integers(0, 2), messages | likely | likely, st.integers(0, 9)), max_size=30))
def test_nonsense_harms_only_who_talks_it(story: list[tuple[int, object, int]]) -> None:
    world = World()
    good_slave = world.slave("m", "good")
    good = world.mcp("good", "good")
    world.demand(good, (1, 0, 100))
    eves: dict[str, Talker] = {}
    for role, message, pause in story:
        name = ROLES[role]
        if name not in eves or eves[name].turned_away is not None:
            eves[name] = Talker(world.identity(), "eve", "lair", name)
            world.arrive(eves[name])
        world.send(PeerSpoke(eves[name].identity, message))
        world.advance(pause / 4)
    world.settle()
    assert good.turned_away is None
    assert good_slave.turned_away is None
    assert isinstance(good, Mcp)
    assert isinstance(good_slave, Slave)
    assert world.ask("status").ok
    if not any("m" in getattr(message, "machine_id", "") for _, message, _ in story):
        assert good.shares == {"m": 8}
