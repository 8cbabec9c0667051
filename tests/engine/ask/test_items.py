"""Values as text, one item per line, and what a diff of two says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppg_mcp.ask.changes import detailed
from ppg_mcp.ask.items import one_per_line
from ppg_mcp.fingerprints import in_words, value_description
from ppg_mcp.store import InputChange

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=40,
)


def text_of(value: Any) -> str:
    return in_words(value_description(value, 4000))["value"]


def test_what_fits_a_line_stays_on_it() -> None:
    assert one_per_line("(1, 'a, b', [2])") == ["(1, 'a, b', [2])"]


def test_long_groups_are_taken_apart_and_short_ones_are_not() -> None:
    value = {f"sample {n}": (n, "x") for n in range(10)}
    lines = one_per_line(text_of(value))
    assert (lines[0], lines[1], lines[-1]) == ("{", "    'sample 0': (0, 'x'),", "}")
    assert len(lines) == 12


@given(VALUES, st.integers(0, 500))
def test_nothing_is_lost_or_added_but_white_space(value: Any, cut: int) -> None:
    text = text_of(value)[:cut]
    squeezed = "".join("".join(one_per_line(text)).split())
    assert squeezed == "".join(text.split())


class Described:
    """Two values of one invariant."""

    def __init__(self, then: dict[str, str], now: dict[str, str], sources: dict[bytes, str]) -> None:
        self._parts = {b"then": then, b"now": now}
        self._sources = sources

    def description(self, fingerprint: bytes) -> dict[str, str] | None:
        return self._parts.get(fingerprint)

    def source(self, code: bytes) -> str:
        return self._sources.get(code, "")


def parts(then: dict[str, str], now: dict[str, str], sources: dict[bytes, str] | None = None) -> list[dict[str, Any]]:
    (change,) = detailed([InputChange("p", b"then", b"now")], Described(then, now, sources or {}))
    found: list[dict[str, Any]] = change["parts"]
    return found


def test_new_and_gone_inputs() -> None:
    changes = [InputChange("a", b"", b"now"), InputChange("b", b"then", b"")]
    told = detailed(changes, Described({"value": "1"}, {"value": "2"}, {}))
    assert [(one["input"], one["what"], one["parts"]) for one in told] == [("a", "new", []), ("b", "gone", [])]


def test_only_what_differs_is_told() -> None:
    assert parts({"defaults": "{}", "closure": "1"}, {"defaults": "{}", "closure": "2"}) == [
        {"name": "closure", "then": "1", "now": "2"}
    ]


@pytest.mark.parametrize(
    ("sources", "words"),
    [({}, "of then was not kept"), ({b"\1": "x"}, "of now was not kept"), ({b"\1": "x", b"\2": "x"}, "equal")],
)
def test_code_without_texts_that_differ(sources: dict[bytes, str], words: str) -> None:
    (part,) = parts({"code": "01"}, {"code": "02"}, sources)
    assert words in part["unknown"]


def test_values_that_differ_beyond_what_is_kept() -> None:
    (part,) = parts({"value": "x..."}, {"value": "x..."})
    assert "beyond what is kept" in part["unknown"]


def test_a_long_diff_is_cut() -> None:
    old, new = ("\n".join(f"{side} {n}" for n in range(1000)) for side in ("old", "new"))
    (part,) = parts({"code": "01"}, {"code": "02"}, {b"\1": old, b"\2": new})
    assert len(part["diff"]) == 401
    assert part["diff"][-1] == "… and 1603 more lines"
