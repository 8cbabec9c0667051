"""What invariants remember: places of files that may move, parameters that may be accepted; in older stores too."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ppg_mcp.store import StatusStore

ADDED = ("places", "acceptances")


def reopened(path: Path, store: StatusStore) -> StatusStore:
    store.close()
    return StatusStore.open(path)


def test_a_store_of_before_opens_keeps_what_it_has_and_gets_the_tables(
    path: Path, record_job: Callable[..., None]
) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in ADDED:
            connection.execute(f"DROP TABLE {table}")
    store = StatusStore.open(path)
    assert list(store.load()) == ["a"]
    assert (store.places(), store.acceptances(), store.path_of("a")) == ({}, {}, None)
    store.remember_place("b/x", "a/x", 1, b"1" * 16)
    store = reopened(path, store)
    assert store.places() == {"b/x": ("a/x", 1, b"1" * 16)}
    store.close()


@pytest.mark.parametrize("text", ["plain", "ünïcödé 日本", os.fsdecode(b"\xff"), "new\nline", "#2"])
def test_any_path_and_any_id(path: Path, text: str) -> None:
    store = StatusStore.open(path)
    store.remember_place(text, text + "#2", 5 << 40, b"\0" * 16)
    store.remember_acceptance(text, b"d" * 16, b"r" * 16, True, b"pickled")
    assert (store.places(), store.acceptances()) == ({}, {}), "buffered"
    store = reopened(path, store)
    assert store.places() == {text: (text + "#2", 5 << 40, b"\0" * 16)}
    assert store.path_of(text + "#2") == text
    assert store.acceptances() == {text: (b"d" * 16, b"r" * 16, True, b"pickled")}
    store.close()


def test_a_file_is_in_one_place_and_a_place_holds_one_file(path: Path) -> None:
    store = StatusStore.open(path)
    store.remember_place("a/x", "a/x", 1, b"1")
    store.remember_place("b/x", "a/x", 1, b"1")
    store.commit()
    assert store.places() == {"b/x": ("a/x", 1, b"1")}
    store.remember_place("b/x", "b/x", 2, b"2")
    store.commit()
    assert store.places() == {"b/x": ("b/x", 2, b"2")}
    assert store.path_of("a/x") is None
    store.close()


def test_the_last_parameters_stay(path: Path) -> None:
    store = StatusStore.open(path)
    store.remember_acceptance("PIa", b"1", b"1", False, b"")
    store.remember_acceptance("PIa", b"2", b"1", True, b"x" * 100_000)
    store = reopened(path, store)
    assert store.acceptances() == {"PIa": (b"2", b"1", True, b"x" * 100_000)}
    assert store.acceptances()["PIa"][2] is True
    store.close()
