"""A tombstone takes the promise of a record back, until a new record or the certainty that nothing was started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ppg_mcp.store import Record, StatusStore

EMPTY = Record(b"", 0.0, "")


def after(store: StatusStore, job_id: str = "a") -> Record | None:
    store.commit()
    return store.load().get(job_id)


def test_a_tombstone_keeps_what_the_record_said(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    before = after(store)
    assert before
    store.tombstone("a", 7)
    assert after(store) == before._replace(tombstone=f"7@{store.session}")
    assert store.inputs_of("a") != (), "why it runs again can still be told"
    store.close()


def test_a_job_that_never_ran_has_an_empty_row(path: Path) -> None:
    store = StatusStore.open(path)
    store.tombstone("a", 1)
    assert after(store) == EMPTY._replace(tombstone=f"1@{store.session}")
    store.close()


def test_an_attempt_that_never_started_gives_the_record_back(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    before = after(store)
    for attempt in (1, 2):
        store.tombstone("a", attempt)
        store.restore("a")
        assert after(store) == before
    store.restore("a")
    assert after(store) == before, "nothing to take back"
    store.close()


def test_an_attempt_that_never_started_leaves_no_row_where_there_was_none(path: Path) -> None:
    store = StatusStore.open(path)
    store.tombstone("a", 1)
    store.commit()
    store.restore("a")
    store.restore("b")
    assert after(store) is None
    store.close()


def test_an_earlier_attempt_that_may_have_run_is_not_forgiven(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.tombstone("a", 1)
    store.tombstone("b", 2)
    store.close(clean=False)
    first = store.session
    store = StatusStore.open(path)
    for job_id, attempt in (("a", 1), ("b", 2)):
        store.tombstone(job_id, 11)
        store.restore(job_id)
        left = after(store, job_id)
        assert left
        assert left.tombstone == f"{attempt}@{first}"
        store.tombstone(job_id, 12)
        store.tombstone(job_id, 13)
        store.restore(job_id)
        store.restore(job_id)
        left = after(store, job_id)
        assert left
        assert left.tombstone == f"12@{store.session}"
    record_job(store, "a")
    left = after(store)
    assert left
    assert left.tombstone == ""
    store.tombstone("a", 14)
    store.restore("a")
    left = after(store)
    assert left
    assert left.tombstone == "", "a new record has no past"
    store.close()


def test_acquitting_files_does_not_lift_a_tombstone(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.tombstone("a", 1)
    store.tombstone("b", 2)
    store.update_files("a", b"g")
    store.update_files("b", b"g")
    left, never = after(store), after(store, "b")
    assert left
    assert (left.files, *left[1:]) == (b"g", 1.5, f"1@{store.session}")
    assert never == EMPTY._replace(tombstone=f"2@{store.session}")
    store.restore("b")
    assert after(store, "b") is None
    store.close()
