"""numpy and pandas by content: each differs from its neighbours, equal content is equal whatever the layout."""

from __future__ import annotations

from typing import Any

import pytest

from ppg_mcp.fingerprints import fingerprint_function, fingerprint_value

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")

rng = np.arange(6)
STRUCT = np.dtype([("a", "i1"), ("b", "f8")], align=True)  # with padding

ALL_DIFFERENT: list[Any] = [
    rng, rng + 1, rng.reshape(2, 3), rng.reshape(3, 2), rng.reshape(2, 3).T, rng.astype("i4"), rng.astype(">i8"),
    rng.astype(float),
    list(rng.tolist()), np.array(1), np.array([1]), np.array([]), np.zeros((0, 3)), np.zeros((3, 0)), np.array([0.0]),
    np.array([-0.0]),
    np.array([np.nan]), np.array([True]), np.array(["a", "b"]), np.array(["ab", ""]), np.array([b"a"]), np.array([1j]),
    np.array([1, "a", None], dtype=object), np.array([1.0, "a", None], dtype=object), np.array([[1, 2]], dtype=object),
    np.array(["2020-01-01"], "M8[D]"), np.array(["2020-01-01"], "M8[s]"), np.array([1], "m8[s]"),
    np.array([1], np.longdouble),
    np.ma.MaskedArray([1, 2], [True, False]), np.ma.MaskedArray([1, 2], [False, True]),
    np.array([[1]]),
    np.array([(1, 2.0)], STRUCT), np.array([(1, 3.0)], STRUCT), np.zeros(3, "V4"),
    np.rec.array([(1,)], dtype=[("a", "i8")]),
    np.arange(10_000), np.arange(10_000) * 1.0, np.concatenate([np.arange(9_999), [7]]),
    1, 1.0, np.int64(1), np.int32(1), np.uint8(1), np.float64(1), np.float32(1), np.bool_(True), np.str_("a"),
    np.bytes_(b"a"),
    np.datetime64("2020-01-01"), np.datetime64("NaT", "D"), np.timedelta64(1, "s"), np.timedelta64(1, "m"),
    np.longdouble(1), np.complex64(1),
    np.dtype("i4"), np.dtype("f8"), STRUCT, np.dtype(("i4", (2,))), np.add, np.subtract, np.mean, np.float64, np,
    pd.Series([1, 2]), pd.Series([1, 3]), pd.Series([1.0, 2]), pd.Series([1, 2], name="x"),
    pd.Series([1, 2], index=[1, 0]),
    pd.Series(["a", "b"]), pd.Series(["a", None]), pd.Series(["a", "b"], dtype=object),
    pd.Series(["a", "b"], dtype="category"),
    pd.Series(["b", "a"], dtype="category"), pd.Series(pd.Categorical(["a", "b"], ["b", "a"])),
    pd.Series(pd.Categorical(["a", "b"], ordered=True)), pd.Series([1, None], dtype="Int64"),
    pd.Series([1, 2], dtype="Int64"),
    pd.Series([True, None], dtype="boolean"), pd.Series(pd.to_datetime(["2020-01-01"])),
    pd.Series(pd.to_datetime(["2020-01-02"])),
    pd.Series(pd.to_datetime(["2020-01-01"], utc=True)), pd.Series([pd.Interval(1, 2)]),
    pd.Series([pd.Period("2020-01")]),
    pd.DataFrame(), pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), pd.DataFrame({"a": [2]}),
    pd.DataFrame({"a": [1.0]}),
    pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [2], "a": [1]}), pd.DataFrame({"a": [1]}, index=["x"]),
    pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame([[2, 1]], columns=["a", "a"]),
    pd.Index([1, 2]), pd.Index([1, 2], name="x"), pd.RangeIndex(3), pd.RangeIndex(1, 3), pd.Index(["a"]),
    pd.MultiIndex.from_tuples([(1, "a")]), pd.MultiIndex.from_tuples([(1, "b")]),
    pd.MultiIndex.from_tuples([(1, "a")], names=["x", "y"]),
    pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-01").as_unit("s"),
    pd.Timestamp(1),
    pd.Timestamp(2), pd.Timedelta(1), pd.Timedelta(2), pd.NaT, pd.NA, pd.Period("2020-01"), pd.Interval(1, 2),
    pd.Interval(1, 2, "left"),
    pd.Series([1]).array, pd.array([1], dtype="Int64"), pd.CategoricalDtype(["a"]), pd.CategoricalDtype(["b"]),
    pd.Int64Dtype(),
]  # fmt: skip

SAME: list[tuple[Any, Any]] = [
    (np.asfortranarray(rng.reshape(2, 3)), rng.reshape(2, 3)),
    (np.arange(12)[::2], np.arange(0, 12, 2)),
    (np.array([(1, 2.0)], STRUCT), np.frombuffer(b"\x01" + b"\xff" * 7 + np.float64(2).tobytes(), STRUCT)),
    (np.array([{"b", "a"}], object), np.array([{"a", "b"}], object)),
    (pd.DataFrame({"a": [1, 2]})[1:], pd.DataFrame({"a": [0, 2]})[1:]),
    (
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])[:1],
        pd.MultiIndex.from_tuples([(1, "a"), (3, "c")])[:1],
    ),
    (np.ma.MaskedArray([1, 5], [False, True]), np.ma.MaskedArray([1, 7], [False, True])),
    (pd.DataFrame({"a": [1], "b": [2]}).copy(), pd.DataFrame([[1, 2]], columns=["a", "b"])),
]


def test_contents_and_types_differ() -> None:
    fingerprints = [fingerprint_value(value) for value in ALL_DIFFERENT]
    seen: dict[bytes, Any] = {}
    for value, fingerprint in zip(ALL_DIFFERENT, fingerprints, strict=True):
        assert fingerprint.warnings == ()
        assert fingerprint.digest not in seen, f"{value!r} is taken for {seen[fingerprint.digest]!r}"
        seen[fingerprint.digest] = value
    assert [fingerprint_value(value).digest for value in ALL_DIFFERENT] == [f.digest for f in fingerprints]
    assert all(fingerprint.text for fingerprint in fingerprints)


@pytest.mark.parametrize(("one", "other"), SAME, ids=range(len(SAME)))
def test_layout_is_not_seen(one: Any, other: Any) -> None:
    assert fingerprint_value(one).digest == fingerprint_value(other).digest


class Quantity(np.ndarray):
    unit: str

    @staticmethod
    def of(numbers: Any, unit: str) -> Quantity:
        made = np.asarray(numbers).view(Quantity)
        made.unit = unit
        return made


def test_attributes_of_arrays_of_ones_own_count() -> None:
    values = [Quantity.of([1, 2], "kg"), Quantity.of([1, 2], "g"), Quantity.of([1, 3], "kg"), np.array([1, 2])]
    assert len({fingerprint_value(value).digest for value in values}) == len(values)
    assert fingerprint_value(values[0]).digest == fingerprint_value(Quantity.of([1, 2], "kg")).digest


def test_a_change_in_the_middle_of_a_large_array_is_seen() -> None:
    table = np.zeros((1000, 1000))
    before = fingerprint_value({"table": [table]})
    table[500, 500] = 1
    assert fingerprint_value({"table": [table]}).digest != before.digest
    assert len(before.text) < 200


def test_arrays_in_defaults_and_closures() -> None:
    def make(table: Any) -> Any:
        return lambda x=table: (x, table)

    one, again, other = np.arange(100), np.arange(100), np.arange(100) + 1
    assert fingerprint_function(make(one)) == fingerprint_function(make(again))
    assert fingerprint_function(make(one)) != fingerprint_function(make(other))


def test_objects_inside_tables_that_nobody_knows_are_warned_of() -> None:
    class Opaque:
        pass

    assert len(fingerprint_value(np.array([Opaque()], dtype=object)).warnings) == 1
    assert len(fingerprint_value(pd.DataFrame({"a": [Opaque()]})).warnings) == 1
    assert len(fingerprint_value(np.random.default_rng(1)).warnings) == 1


def test_polars_by_content() -> None:
    pl = pytest.importorskip("polars")
    tables = [
        pl.DataFrame(),
        pl.DataFrame({"a": [1, 2]}),
        pl.DataFrame({"a": [1, 3]}),
        pl.DataFrame({"a": [1.0, 2.0]}),
        pl.DataFrame({"b": [1, 2]}),
        pl.Series("a", [1, 2]),
        pl.Series("a", [1, 2], dtype=pl.Int8),
        pl.Series("a", ["x", None]),
        pl.Int8,
        pl.Int16,
    ]
    assert len({fingerprint_value(table).digest for table in tables}) == len(tables)
    assert fingerprint_value(tables[1]).digest == fingerprint_value(pl.DataFrame({"a": [1, 2]})).digest
    assert len(fingerprint_value(tables[1].lazy()).warnings) == 1
