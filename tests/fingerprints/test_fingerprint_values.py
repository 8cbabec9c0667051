"""The canonical encoding of values: what differs, what is the same, what is not known."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import logging
import pathlib
import re
import threading
import types
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppg_mcp.fingerprints import fingerprint_value
from ppg_mcp.fingerprints.readable import readable
from ppg_mcp.fingerprints.values import MAX_DEPTH, encode_value
from ppg_protocol.errors import JobContractError


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Paint(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    a: Any
    b: Any


class Couple(NamedTuple):
    a: Any
    b: Any


@dataclass
class Point:
    x: Any
    y: Any = 0


@dataclass(frozen=True, slots=True)
class Frozen:
    x: Any


class MyList(list[Any]):
    pass


class MyInt(int):
    pass


class MyDict(dict[Any, Any]):
    pass


class MyStr(str):
    pass


class MyTuple(tuple[Any, ...]):
    pass


class MySet(set[Any]):
    pass


class MyFrozenset(frozenset[Any]):
    pass


class MyBytes(bytes):
    pass


class AttributeDict(dict[str, Any]):
    """Its items are its attributes."""

    def __init__(self, **items: Any) -> None:
        super().__init__(items)
        self.__dict__ = self


class Opaque:
    def __init__(self, x: Any = 0) -> None:
        self.x = x


class Spoken(Opaque):
    def __ppg_fingerprint__(self) -> Any:
        return self.x


class Proxy:
    def __getattr__(self, name: str) -> Any:
        return lambda *args: 1 / 0


def encoding(value: Any) -> bytes:
    unseen: list[Any] = []
    result = encode_value(value, unseen)
    assert not unseen, unseen
    return result


# All of these differ from each other.
ALL_DIFFERENT: list[Any] = [
    None, ..., NotImplemented, True, False, 0, 1, -1, 255, 2**64, -(2**64), 10**5000, MyInt(1), Level.LOW,
    0.0, -0.0, 1.0,
    float("inf"), float("-inf"), float("nan"), 1e-320, 0.1, 0.1 + 2**-56, 1 + 0j, complex(1, -0.0), -1 + 0j,
    complex("nan"),
    "", "a", "1", "None", "a" * 1000, "ä", "a\u0308", "\udcff", "i1;", b"", b"a", b"i1;", bytearray(b"a"),
    memoryview(b"a"),
    (), (1,), (1, 2), (2, 1), ((1,), 2), (1, (2,)), [], [1], [1, 2], [[1], 2], [1, [2]], MyList([1]), ["a", "b"],
    ["ab"], ["a,b"],
    {}, {1: 2}, {1: 2.0}, {1.0: 2}, {"1": 2}, {1: {2: 3}}, {1: 2, 3: 4}, {1: 4, 3: 2}, MyDict({1: 2}),
    types.MappingProxyType({1: 2}), MyTuple((1,)), MyStr("a"), MyBytes(b"a"), MySet({1}), MyFrozenset({1}),
    AttributeDict(a=1), AttributeDict(a=2), AttributeDict(b=1),
    set(), {1}, {1.0}, {1, 2}, {(1, 2)}, frozenset(), frozenset({1}), {frozenset({1})}, {1: 2}.keys(), {1: 2}.values(),
    collections.OrderedDict({1: 2, 3: 4}), collections.OrderedDict({3: 4, 1: 2}), collections.Counter([1, 1]),
    collections.defaultdict(int, {1: 2}), collections.defaultdict(list, {1: 2}), collections.defaultdict(None, {1: 2}),
    collections.deque([1, 2]), collections.deque([2, 1]), collections.deque([1, 2], 5), array.array("i", [1]),
    array.array("l", [1]),
    Color.RED, Color.BLUE, Paint.RED, Rights.READ, Rights.READ | Rights.WRITE, Color, Paint,
    Pair(1, 2), Pair(2, 1), Couple(1, 2), Point(1, 2), Point(2, 1), Point([1], 2), Frozen(1), Frozen(1.0),
    decimal.Decimal("1"), decimal.Decimal("1.0"), decimal.Decimal("NaN"), fractions.Fraction(1, 2),
    fractions.Fraction(2, 1),
    range(3), range(0, 3, 2), range(1, 3), slice(3), slice(1, 3), slice(1, 3, 1),
    datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2), datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    datetime.datetime(2020, 1, 2, fold=1), datetime.datetime(2020, 1, 2, microsecond=1), datetime.time(1),
    datetime.time(1, fold=1),
    datetime.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), zoneinfo.ZoneInfo("Europe/Paris"),
    datetime.timedelta(1), datetime.timedelta(0, 1), datetime.timezone(datetime.timedelta(hours=1)),
    datetime.timezone(datetime.timedelta(hours=1), "X"), uuid.UUID(int=1), uuid.UUID(int=2),
    pathlib.Path("a"), pathlib.Path("b"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"),
    re.compile("a"), re.compile(b"a"), re.compile("a", re.I), types.SimpleNamespace(a=1), types.SimpleNamespace(a=2),
    len, abs, str.upper, str, int, list[int], list[str], int | str, TypeVar("T"), re, pathlib, lambda: 0,
    Opaque, Spoken,
    functools.partial(len, [1]), functools.partial(len, [2]), object(), logging.getLogger("a"), logging.getLogger("b"),
]  # fmt: skip

SAME: list[tuple[Any, Any]] = [
    ({"a", "b", "c"}, {"c", "b", "a"}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (collections.Counter("ab"), collections.Counter("ba")),
    (float("nan"), -float("nan")),
    ([[1], [1]], [[1]] * 2),
    (Spoken([1]), [1]),
    ({Spoken(1): 2}, {1: 2}),
    (object(), object()),
    (Point(1, {"a", "b"}), Point(1, {"b", "a"})),
    (datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC), datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)),
    (pathlib.Path("a/./b"), pathlib.Path("a/b")),
]


def test_typed_values_differ() -> None:
    seen: dict[bytes, Any] = {}
    for value in ALL_DIFFERENT:
        data = encoding(value)
        assert data not in seen, f"{value!r} is taken for {seen[data]!r}"
        seen[data] = value


def test_so_do_they_inside_containers() -> None:
    wrappers: list[Callable[[Any], Any]] = [
        lambda v: [v], lambda v: (v,), lambda v: {"k": v}, lambda v: Point(v), lambda v: functools.partial(len, v),
    ]  # fmt: skip
    encodings = {encoding(wrap(value)) for value in ALL_DIFFERENT for wrap in wrappers}
    assert len(encodings) == len(ALL_DIFFERENT) * len(wrappers)


@pytest.mark.parametrize(("one", "other"), SAME, ids=lambda value: type(value).__name__)
def test_same(one: Any, other: Any) -> None:
    assert encoding(one) == encoding(other)


@pytest.mark.parametrize("value", ALL_DIFFERENT, ids=lambda value: type(value).__name__)
def test_every_known_value_reads_as_text(value: Any) -> None:
    data = encoding(value)
    assert readable(data)
    assert len(fingerprint_value(value).text) <= 500
    for cut in range(min(len(data), 200)):
        readable(data[:cut])  # a prefix reads too


def test_text_for_humans() -> None:
    value = {
        "b": [1, -2.5, None, True],
        "a": ("x", {3}, frozenset([b"y"])),
        "p": Point(1, (2,)),
        "f": len,
        "c": 1 + 2j,
        "t": int,
    }
    assert fingerprint_value(value).text == (
        "{'a': ('x', {3}, frozenset({b'y'})), 'b': [1, -2.5, None, True], 'c': complex(1.0, 2.0), "
        "'f': <function builtins.len>, 'p': test_fingerprint_values.Point({'x': 1, 'y': (2,)}), "
        "'t': <class builtins.int>}"
    )
    assert fingerprint_value(list(range(1000))).text.endswith("...")


def test_unknown_types_count_by_name_and_are_named_in_a_warning() -> None:
    fingerprint = fingerprint_value([1, {"k": (Opaque(1),)}, threading.Lock()], "parameter 'p'")
    first, second = fingerprint.warnings
    assert first.startswith("parameter 'p'[1]['k'][0] is a test_fingerprint_values.Opaque, whose changes can't be seen")
    assert "depends_on_params" in first
    assert second.startswith("parameter 'p'[2] is a _thread.lock")
    assert fingerprint.text == "[1, {'k': (<test_fingerprint_values.Opaque>,)}, <_thread.lock>]"
    assert fingerprint.digest == fingerprint_value([1, {"k": (Opaque(2),)}, threading.Lock()]).digest
    assert len(fingerprint_value({Opaque(), Opaque()}).warnings) == 2


@pytest.mark.parametrize("make", [MyList, MyDict, MySet, MyTuple, MyStr])
def test_attributes_of_containers_of_ones_own_count(make: Callable[[], Any]) -> None:
    """A subclass of a known type may carry more than its base tells."""
    plain, one, other = make(), make(), make()
    one.unit, other.unit = "kg", "g"
    again = make()
    again.unit = "kg"
    assert len({encoding(plain), encoding(one), encoding(other)}) == 3
    assert encoding(again) == encoding(one)
    one.unit = Opaque()
    (warning,) = fingerprint_value(one).warnings
    assert "Opaque" in warning


def test_hook_on_the_object_itself_and_never_through_getattr() -> None:
    thing = Opaque()
    thing.__ppg_fingerprint__ = lambda: "spoken"  # type: ignore[attr-defined]
    assert encoding(thing) == encoding("spoken")
    assert len(fingerprint_value(Proxy()).warnings) == 1
    assert encoding(Spoken) == encoding(Spoken)  # the class is no instance of itself


def test_recursive_values_end() -> None:
    def ring(value: Any) -> list[Any]:
        out = [value]
        out.append({"self": out})
        return out

    assert encoding(ring(1)) == encoding(ring(1))
    assert encoding(ring(1)) != encoding(ring(2))
    assert "^2" in fingerprint_value(ring(1)).text
    point = Point(1)
    point.y = point
    assert encoding(point) != encoding(Point(1, Point(1)))
    spoken = Spoken()
    spoken.x = [spoken]
    assert encoding(spoken)


def test_nesting_too_deep_is_refused_with_a_way_out() -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    assert encoding(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(JobContractError, match="nested more than 200 levels deep"):
            fingerprint_value(nested(depth))


def test_a_deep_stack_of_the_caller_gives_the_same_error() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value]

    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        else:
            fingerprint_value(value)

    with pytest.raises(JobContractError, match="nested too deeply"):
        deep(700)


def test_values_that_would_take_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppg_mcp.fingerprints.values.MAX_BYTES", 1000)
    with pytest.raises(JobContractError, match="takes more than 1000 bytes"):
        fingerprint_value([list(range(1000))])


atoms = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 2), st.floats(), st.sampled_from([0.0, -0.0, 1.0, 2.0]),
    st.complex_numbers(), st.text(max_size=4), st.text("is:;.()[]{}12", max_size=4), st.binary(max_size=4),
    st.just(...),
)  # fmt: skip
hashables = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3), max_leaves=5
)
values = st.recursive(
    hashables,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(hashables, max_size=3),
        st.dictionaries(hashables, inner, max_size=3),
        st.builds(Pair, inner, inner),
        st.builds(Point, inner, inner),
        st.lists(inner, max_size=3).map(MyList),
    ),
    max_leaves=8,
)


def typed(value: Any) -> Any:
    """The oracle: the value as nested tuples of type names and reprs of atoms, compared by ==; every nan is equal."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind, frozenset((typed(k), typed(v)) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(collections.Counter(map(typed, value)).items())
    if isinstance(value, (list, tuple)):
        return kind, tuple(map(typed, value))
    if isinstance(value, Point):
        return kind, typed(value.x), typed(value.y)
    return kind, repr(value)


@settings(max_examples=300)
@given(values, values)
def test_encodings_are_equal_exactly_if_the_typed_values_are(one: Any, other: Any) -> None:
    assert (encoding(one) == encoding(other)) == (typed(one) == typed(other))


@settings(max_examples=200)
@given(st.lists(values, max_size=4), st.lists(values, max_size=4))
def test_concatenations_can_be_read_in_one_way_only(one: list[Any], other: list[Any]) -> None:
    same = [typed(v) for v in one] == [typed(v) for v in other]
    assert (b"".join(map(encoding, one)) == b"".join(map(encoding, other))) == same


@settings(max_examples=200)
@given(st.dictionaries(hashables, values, max_size=4), st.sets(hashables, max_size=4), st.randoms())
def test_order_of_insertion_is_not_seen(mapping: dict[Any, Any], elements: set[Any], random: Any) -> None:
    pairs, items = list(mapping.items()), list(elements)
    random.shuffle(pairs)
    random.shuffle(items)
    assert encoding(dict(pairs)) == encoding(mapping)
    assert encoding(set(items)) == encoding(elements)


@settings(max_examples=200)
@given(values, st.integers(0, 600))
def test_any_prefix_of_an_encoding_reads_as_text(value: Any, cut: int) -> None:
    assert len(readable(encoding(value)[:cut])) <= 500
