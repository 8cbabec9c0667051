"""The simulated store and the real one: the same calls leave the same, after a commit, and after a crash before one or
in the middle of one."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ppg_mcp.store import StatusStore

from .store import Disk, FakeStore
from .world import Crash

JOBS = ("a", "b", "c")
EMPTY = b"\0" * 16


def rows(store: StatusStore) -> dict[str, tuple[bytes, bytes, bytes, bool]]:
    """What the real one holds."""
    return {job: (r.build_id, r.inputs_strict, r.files, bool(r.tombstone)) for job, r in store.load().items()}


def fake_rows(disk: Disk) -> dict[str, tuple[bytes, bytes, bytes, bool]]:
    """What the simulated one holds."""
    return {job: (row.build_id, row.strict, row.files, bool(row.tombstone)) for job, row in disk.rows.items()}


def write(luck: Random, number: int, store: FakeStore | StatusStore) -> None:
    """Something, and now and then a commit."""
    job = luck.choice(JOBS)
    match luck.choice(("tombstone", "restore", "record", "meta")):
        case "tombstone":
            store.tombstone(job, number)
        case "restore":
            store.restore(job)
        case "meta":
            store.set_meta(job, str(number))
        case _:
            record(store, job, *(luck.randbytes(size) for size in (16, 16, 41)))
    assert store.pending
    if luck.random() < 0.3:
        durable = luck.random() < 0.5
        store.commit(durable)
        assert (store.pending, store.is_durable) == (False, durable)


def record(store: FakeStore | StatusStore, job: str, build: bytes, strict: bytes, files: bytes) -> None:
    """As far as both have it."""
    if isinstance(store, FakeStore):
        store.record(job, build, strict, EMPTY, files)
        return
    rest: dict[str, Any] = {"runtime_s": 1.0, "peak_rss_bytes": 1, "cores": 1, "host": "h", "finished_at": 1.0}
    store.record(job, build_id=build, inputs=[], inputs_strict=strict, inputs_content=EMPTY, files=files, **rest)


def in_a_process_that_crashes(path: Path, seed: int) -> None:
    """The real store, never closed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            luck, store = Random(seed), StatusStore.open(path)
            for number in range(30):
                write(luck, number, store)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("seed", range(20))
def test_both_keep_what_was_committed_and_nothing_else(seed: int, tmp_path: Path) -> None:
    disk, path = Disk(), tmp_path / "status"
    for opening in range(2):
        in_a_process_that_crashes(path, 100 * seed + opening)
        luck, fake = Random(100 * seed + opening), FakeStore(disk, "session")
        for number in range(30):
            write(luck, number, fake)
        real, fake = StatusStore.open(path), FakeStore(disk, "session")
        assert fake.epoch == real.epoch == 2 * opening + 2
        assert fake_rows(disk) == rows(real)
        assert [fake.get_meta(job) for job in JOBS] == [real.get_meta(job) for job in JOBS]
        real.close(clean=False)


def commit(store: FakeStore | StatusStore, number: int) -> None:
    """Several rows at once, other ones than those of the last number."""
    for job in JOBS:
        record(store, job, bytes([number]) * 16, EMPTY, bytes(41))
    store.commit()


def torn_real(path: Path, keep: float) -> dict[str, tuple[bytes, bytes, bytes, bool]]:
    """What is left of two commits when only this part of the second has reached the disk."""
    wal = Path(f"{path}-wal")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            store = StatusStore.open(path)
            commit(store, 1)
            first = wal.stat().st_size
            commit(store, 2)
            os.truncate(wal, first + int(keep * (wal.stat().st_size - first)))
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    store = StatusStore.open(path)
    try:
        return rows(store)
    finally:
        store.close(clean=False)


def torn_fake(keep: float) -> dict[str, tuple[bytes, bytes, bytes, bool]]:
    """The same."""
    left = [100]

    def writing() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Crash("in a commit")

    disk = Disk()
    store = FakeStore(disk, "session", writing)
    commit(store, 1)
    left[0] = int(keep * (len(JOBS) + 1))
    try:
        commit(store, 2)
    except Crash:
        disk.open()
    return fake_rows(disk)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.99])
def test_of_a_torn_commit_nothing_is_left(keep: float, tmp_path: Path) -> None:
    first = torn_fake(0.0)
    assert {row[0] for row in first.values()} == {bytes([1]) * 16}
    assert torn_fake(keep) == torn_real(tmp_path / "status", keep) == first


def test_a_crash_right_after_a_commit_leaves_all_of_it(tmp_path: Path) -> None:
    second = torn_fake(1.0)
    assert {row[0] for row in second.values()} == {bytes([2]) * 16}
    assert torn_real(tmp_path / "status", 1.0) == second
