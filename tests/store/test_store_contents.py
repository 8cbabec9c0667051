"""What is written comes back: records, inputs, checksums, descriptions, meta, under any id."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ppg_mcp.fingerprints.values import encode_value
from ppg_mcp.store import Input, Record, StatusStore


def test_a_new_store_is_empty_and_counts_its_epochs(path: Path) -> None:
    store = StatusStore.open(path)
    assert (store.epoch, store.load(), store.unsynced, store.warnings) == (1, {}, frozenset(), [])
    assert store.previous_run_directory == ""
    assert store.path == path
    first = store.session
    assert len(first) == 16
    assert int(first, 16) >= 0
    store.close()
    store.close()
    store = StatusStore.open(path)
    assert store.epoch == 2
    assert store.session != first
    store.close()
    assert os.listdir(path.parent) == [path.name], "nothing else stays behind: no log, no holder file, no -shm"


def test_no_shared_memory_file_is_ever_made(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.commit()
    assert sorted(p.name.removeprefix(path.name) for p in path.parent.iterdir()) == ["", "-wal", ".holder"]
    store.close()


def test_a_record_comes_back_once_it_is_committed(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    inputs = (Input("PIx", b"1" * 16, b"2" * 16), Input("results/ä b", b"", b"longer than sixteen bytes"))
    record_job(store, "out/a", inputs=inputs, build_id=b"B" * 16, runtime_s=2.25, peak_rss_bytes=7)
    assert store.pending
    assert store.load() == {}
    assert store.inputs_of("out/a") == ()
    store.commit()
    assert not store.pending
    store.close()
    store = StatusStore.open(path)
    assert store.load() == {"out/a": Record(b"B" * 16 + b"S" * 16 + b"C" * 16 + b"f" * 41, 2.25, "")}
    assert isinstance(store.load()["out/a"], Record)
    assert store.inputs_of("out/a") == inputs
    assert store.inputs_of("out/b") == ()
    store.close()


def test_a_run_reads_records_and_what_stands_in_their_place(path: Path, record_job: Callable[..., None]) -> None:
    odd = os.fsdecode(b"not utf-8: \xff")
    store = StatusStore.open(path)
    record_job(store, "done", build_id=b"B" * 16, runtime_s=2.25)
    record_job(store, odd, build_id=b"O" * 16, runtime_s=1.0)
    record_job(store, "started again", runtime_s=3.0)
    store.tombstone("started again", 7)
    store.tombstone("started", 8)
    store.commit()
    inputs_and_files = b"S" * 16 + b"C" * 16 + b"f" * 41
    assert list(store.records()) == [
        ("done", b"B" * 16 + inputs_and_files, 2.25),
        (odd, b"O" * 16 + inputs_and_files, 1.0),
        ("started again", f"7@{store.session}", 3.0),
        ("started", f"8@{store.session}", 0.0),
    ]
    store.close()


@pytest.mark.parametrize(
    "job_id",
    [
        "plain",
        "",
        "two\nlines\r\tand a tab",
        "nul\0inside",
        "ünïcödé 日本 🧬",
        os.fsdecode(b"not utf-8: \xff\xfe"),
        "\ud800 a surrogate from elsewhere",
        "x" * 100_000,
    ],
)
def test_any_text_is_an_id(path: Path, record_job: Callable[..., None], job_id: str) -> None:
    store = StatusStore.open(path)
    record_job(store, job_id, inputs=[Input(job_id, b"s", b"c")], host=job_id)
    store.remember_checksum(job_id, 1, 2, 3, b"sum")
    store.describe(b"f" * 16, {job_id: job_id})
    store.set_meta(job_id, job_id)
    store.close()
    store = StatusStore.open(path)
    assert list(store.load()) == [job_id]
    assert store.inputs_of(job_id) == (Input(job_id, b"s", b"c"),)
    assert store.checksums() == {job_id: (1, 2, 3, b"sum")}
    assert store.description(b"f" * 16) == {job_id: job_id}
    assert store.get_meta(job_id) == job_id
    store.tombstone(job_id, 1)
    store.commit()
    assert len(store.load()) == 1, "the same id is the same row"
    store.forget(job_id)
    store.commit()
    assert store.load() == {}
    store.close()


def test_ids_that_differ_only_in_their_encoding_are_two(path: Path, record_job: Callable[..., None]) -> None:
    valid, invalid = "\U00010000", "\ud800\udc00"
    store = StatusStore.open(path)
    record_job(store, valid, runtime_s=1.0)
    record_job(store, invalid, runtime_s=2.0)
    store.commit()
    assert {key: record.runtime_s for key, record in store.load().items()} == {valid: 1.0, invalid: 2.0}
    store.close()


def test_a_job_may_have_a_hundred_thousand_inputs(path: Path, record_job: Callable[..., None]) -> None:
    inputs = tuple(Input(f"chunk/{number}", b"s" * 16, b"c" * 16) for number in range(100_000))
    store = StatusStore.open(path)
    record_job(store, "merged", inputs=inputs)
    store.commit()
    assert store.inputs_of("merged") == inputs
    store.close()


def test_acquitted_files_get_new_stats(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.update_files("a", b"g" * 41)
    store.update_files("never ran", b"g" * 41)
    store.commit()
    assert list(store.load()) == ["a"]
    assert store.load()["a"].files == b"g" * 41
    assert store.inputs_of("a") != ()
    store.close()


def test_what_is_forgotten_is_gone_with_its_inputs(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    record_job(store, "b")
    store.commit()
    store.forget("b")
    store.forget("never ran")
    store.commit()
    store.tombstone("c", 1)
    store.commit()
    assert list(store.load()) == ["a", "c"]
    assert store.inputs_of("b") == store.inputs_of("c") == ()
    store.close()


def test_checksums_descriptions_and_meta(path: Path) -> None:
    store = StatusStore.open(path)
    store.remember_checksum("/data/x", 10, 20, 30, b"old")
    store.remember_checksum("/data/x", 11, 21, 31, b"new")
    store.describe(b"1" * 16, {"code": "f(x)", "defaults": "x=1"})
    store.describe(b"1" * 16, {"code": "another text for the same value"})
    store.describe(b"2" * 16, {})
    store.describe(b"4" * 16, {"code": "12ab", "closure": encode_value({"x": [1]}, [])})
    store.set_meta("key", "one")
    store.set_meta("key", "two")
    assert store.get_meta("key") is None
    store.close()
    store = StatusStore.open(path)
    assert store.checksums() == {"/data/x": (11, 21, 31, b"new")}
    assert store.description(b"1" * 16) == {"code": "f(x)", "defaults": "x=1"}
    assert store.description(b"2" * 16) == {}
    assert store.description(b"4" * 16) == {"code": "12ab", "closure": "{'x': [1]}"}
    assert store.description(b"3" * 16) is None
    assert store.get_meta("key") == "two"
    store.close()


def test_the_store_keeps_its_place_when_the_script_changes_directory(
    path: Path, record_job: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(path.parent)
    store = StatusStore.open(Path(path.name))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    record_job(store, "a")
    store.set_run_directory("/run/x")
    store.close()
    assert store.path == path
    assert os.listdir() == []
    store = StatusStore.open(Path("..") / path.name)
    assert list(store.load()) == ["a"]
    store.close()


@pytest.mark.parametrize(
    "name", ["with space", "ünï 日本", "what?mode=ro", "a#b%20c", "file:x", ":memory:", "quote'\""]
)
def test_any_file_name_will_do(tmp_path: Path, record_job: Callable[..., None], name: str) -> None:
    for path in (tmp_path / name, tmp_path / os.fsdecode(b"\xff" + name.encode())):
        store = StatusStore.open(path)
        record_job(store, "a")
        store.close()
        assert path.stat().st_size > 0
    assert len(os.listdir(tmp_path)) == 2


def test_too_many_writes_without_a_commit_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppg_mcp.store.status_store.MAX_BUFFERED", 3)
    store = StatusStore.open(path)
    for number in range(3):
        store.tombstone(str(number), 1)
    with pytest.raises(Exception, match="More than 3 writes wait"):
        store.tombstone("one more", 1)
    store.commit()
    assert len(store.load()) == 3
    store.close()


def test_a_closed_store_is_not_used_by_mistake(path: Path) -> None:
    store = StatusStore.open(path)
    store.close()
    with pytest.raises(AssertionError, match="closed"):
        store.load()
