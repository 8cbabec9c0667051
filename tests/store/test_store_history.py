"""History: the last ten executions of each job, however they ended; and source texts, once per code."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_mcp.store import Execution, InputChange, StatusStore, StatusStoreError

Record = Callable[..., None]


def execution(reason: str = "it has never been done", **facts: Any) -> Execution:
    return Execution(1.8e9, 1.5, 10**8, 2, "host", **{"error": "", "reason": reason, **facts})


def reasons(store: StatusStore, job_id: str) -> list[str]:
    return [one.reason for one in store.executions_of(job_id)]


def test_what_was_told_comes_back(path: Path, record_job: Record) -> None:
    change = InputChange("PI\udcff", b"then", b"now")
    store = StatusStore.open(path)
    record_job(store, "a")
    store.executed("a", execution("'PIa' changed", changes=(change,)))
    store.commit()
    assert store.executions_of("a") == [execution("'PIa' changed", changes=(change,))]
    assert store.executions_of("b") == []
    store.close()


def test_the_last_ten_stay_over_sessions(path: Path, record_job: Record) -> None:
    for session in range(3):
        store = StatusStore.open(path)
        for n in range(4):
            record_job(store, "a")
            store.executed("a", execution(f"{session}.{n}"))
            store.executed("b", execution("not a's"))
        store.close()
    store = StatusStore.open(path)
    assert reasons(store, "a") == ["2.3", "2.2", "2.1", "2.0", "1.3", "1.2", "1.1", "1.0", "0.3", "0.2"]
    assert len(reasons(store, "b")) == 10, "a job without a record is kept by its id"
    store.close()


def test_no_more_than_ten_rows_are_kept_though_the_first_execution_trims_nothing(
    path: Path, record_job: Record
) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.executed("a", execution("0"), first=True)
    for n in range(1, 13):
        store.executed("a", execution(str(n)))
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM history").fetchone() == (10,)
    connection.close()
    store = StatusStore.open(path)
    assert reasons(store, "a") == [str(n) for n in range(12, 2, -1)]
    store.close()


def test_failures_before_the_first_record_count_as_well(path: Path, record_job: Record) -> None:
    store = StatusStore.open(path)
    store.executed("a", execution("first", error="no machine is large enough"))
    store.commit()
    store.tombstone("a", 1)
    store.executed("a", execution("second", error="ValueError: bad"))
    record_job(store, "a")
    store.executed("a", execution("third"))
    store.commit()
    assert [(one.reason, one.error) for one in store.executions_of("a")] == [
        ("third", ""),
        ("second", "ValueError: bad"),
        ("first", "no machine is large enough"),
    ]
    store.close()


def test_texts_are_bounded(path: Path) -> None:
    store = StatusStore.open(path)
    many = tuple(InputChange(str(n), b"", b"") for n in range(1000))
    store.executed("a", execution("r" * 10**6, error="e" * 10**6, changes=many))
    store.commit()
    (one,) = store.executions_of("a")
    assert (len(one.reason), len(one.error), len(one.changes)) == (4000, 1000, 20)
    store.close()


def test_a_forgotten_job_leaves_no_history_to_the_next_one(path: Path, record_job: Record) -> None:
    """Row ids are used again."""
    store = StatusStore.open(path)
    record_job(store, "a")
    store.executed("a", execution())
    store.forget("a")
    record_job(store, "b")
    store.commit()
    assert store.executions_of("b") == store.executions_of("a") == []
    store.close()


def test_a_store_without_history_gets_one(path: Path, record_job: Record) -> None:
    """Stores of format 1 are older than this table."""
    store = StatusStore.open(path)
    record_job(store, "a")
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE history")
    connection.close()
    store = StatusStore.open(path)
    assert set(store.load()) == {"a"}
    assert store.executions_of("a") == []
    store.executed("a", execution())
    store.close()
    store = StatusStore.open(path)
    assert reasons(store, "a") == ["it has never been done"]
    store.close()


def test_a_damaged_row_is_named(path: Path) -> None:
    store = StatusStore.open(path)
    store.executed("a", execution(changes=(InputChange("p", b"", b""),)))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE history SET changes = x'ff'")
    connection.close()
    store = StatusStore.open(path)
    with pytest.raises(StatusStoreError, match="history of 'a'"):
        store.executions_of("a")
    store.close()


def test_source_texts_are_kept_once_and_compressed(path: Path) -> None:
    store = StatusStore.open(path)
    text = "def callback(path):\n    pass  # \udcff\n" * 1000
    store.keep_source(b"c" * 16, text)
    store.keep_source(b"c" * 16, "another text of the same code")
    store.close()
    store = StatusStore.open(path)
    assert store.source(b"c" * 16) == text
    assert store.source(b"d" * 16) == ""
    store.close()
    assert path.stat().st_size < len(text) + 100_000
