"""The simulated store and the real one: the same calls leave the same, after a commit and after a crash before one."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ppg_mcp.store import StatusStore

from .store import Disk, FakeStore

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
        store.commit()
        assert not store.pending


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
