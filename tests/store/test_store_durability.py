"""Committed is committed: over SIGKILL at any moment, full disks and reboots."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_mcp.store import Execution, HostFacts, StatusStore, StatusStoreError
from ppg_mcp.store.opening import take
from ppg_mcp.store.unfinished import unfinished_path

COUNT = """
import sys
from pathlib import Path
from ppg_mcp.store import StatusStore, status_store
status_store.LOG_LIMIT_BYTES = 200_000
store = StatusStore.open(Path(sys.argv[1]))
number = len(store.load()) // 2
while True:
    for half in ("a", "b"):
        store.record(f"{number} {half}", build_id=b"b" * 16, inputs=[], inputs_strict=b"s" * 16, inputs_content=b"c",
            files=b"f" * 2000, runtime_s=1, peak_rss_bytes=1, cores=1, host="h", finished_at=0)
    store.commit()
    number += 1
    print(number, flush=True)
"""


def test_sigkill_at_any_moment_loses_nothing_that_was_committed(path: Path, start: Callable[..., Any]) -> None:
    known = 0
    for _ in range(8):
        other = start(COUNT, path)
        for _ in range(60):
            known = int(other.reads())
        other.kill()
        rest = [int(line) for line in other.process.stdout.read().split()]
        known = max([known, *rest])
        store = StatusStore.open(path)
        jobs = store.load()
        assert known <= len(jobs) // 2 <= known + 1
        assert set(jobs) == {f"{number} {half}" for number in range(len(jobs) // 2) for half in "ab"}, "no half commit"
        store.close()


WRITTEN = """
import sys
from pathlib import Path
from ppg_mcp.store import Execution, StatusStore
store = StatusStore.open(Path(sys.argv[1]))

def run(job_id):
    store.tombstone(job_id, 1)
    store.record(job_id, build_id=b"b" * 16, inputs=[], inputs_strict=b"s" * 16, inputs_content=b"c", files=b"",
        runtime_s=1, peak_rss_bytes=1, cores=1, host="h", finished_at=0)
    store.executed(job_id, Execution(0.0, 1.0, 1, 1, "h", "", "why not"), first=True)
    store.describe(job_id.encode() * 16, {"value": job_id})

run("a")
store.commit()
assert store.is_durable
run("b")
assert store.pending
store.commit(durable=False)
assert not store.pending and not store.is_durable
store.commit(durable=False)
run("c")
print(store.sequence, flush=True)
input()
"""


def test_what_is_committed_without_an_fsync_outlives_the_process_and_what_explains_it_need_not(
    path: Path, start: Callable[..., Any]
) -> None:
    other = start(WRITTEN, path)
    assert int(other.reads()) == 2
    other.kill()
    store = StatusStore.open(path)
    assert {job_id: record.tombstone for job_id, record in store.load().items()} == {"a": "", "b": ""}
    assert [len(store.executions_of(job_id)) for job_id in "abc"] == [1, 0, 0]
    assert [store.description(job_id.encode() * 16) for job_id in "ab"] == [{"value": "a"}, None]
    assert store.sequence == 2, "the numbers go on behind that of b, though only a's was written down"
    store.close(clean=False)


def test_what_was_left_comes_with_the_next_durable_commit(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    for job_id in ("a", "b"):
        record_job(store, job_id)
        store.executed(job_id, Execution(0.0, 1.0, 1, 1, "h", "", f"why {job_id}"), first=True)
        store.commit(durable=False)
        assert store.executions_of(job_id) == []
    store.commit()
    assert store.is_durable
    assert [store.executions_of(job_id)[0].reason for job_id in ("a", "b")] == ["why a", "why b"]
    store.close()


def test_jobs_that_are_forgotten_leave_nothing_for_later(path: Path, record_job: Callable[..., None]) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.executed("a", Execution(0.0, 1.0, 1, 1, "h", "", "why not"), first=True)
    store.forget("a")
    store.commit(durable=False)
    record_job(store, "b")
    store.commit()
    assert store.executions_of("a") == store.executions_of("b") == []
    store.close()


def test_sqlite_is_told_to_sync_every_commit_and_to_keep_the_lock(path: Path) -> None:
    """A lost fsync shows in a power cut only, which no test can make; so what SQLite says of itself must do."""
    StatusStore.open(path).close()
    connection, _ = take(path, HostFacts.of_this_process())
    said = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")}
    assert said == {"synchronous": 2, "journal_mode": "wal"}
    assert connection.execute("PRAGMA locking_mode").fetchone()[0] == "exclusive"
    connection.execute("ROLLBACK")
    connection.close()


def test_the_log_does_not_grow_without_bound(
    path: Path, record_job: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_mcp.store.status_store.LOG_LIMIT_BYTES", 100_000)
    log = Path(f"{path}-wal")
    store = StatusStore.open(path)
    for number in range(100):
        record_job(store, str(number), files=b"f" * 4100)
        store.commit()
        assert log.stat().st_size <= 100_000, "a log beyond the limit was moved and truncated at the end of the commit"
    assert path.stat().st_size > 300_000
    store.close()


FULL = """
import os, resource, signal, sys
from pathlib import Path
from ppg_mcp.store import StatusStore, StatusStoreError
path = Path(sys.argv[1])
store = StatusStore.open(path)
store.tombstone("before", 1)
store.commit()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
limit = max(path.stat().st_size, Path(f"{path}-wal").stat().st_size) + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
for number in range(400):
    store.tombstone("x" * 500 + str(number), number)
store.restore("before")
for _ in range(3):
    try:
        store.commit()
    except StatusStoreError as error:
        assert str(path) in str(error) and "full disk" in str(error), error
    else:
        raise AssertionError("committed beyond the limit")
    assert store.pending
    assert list(store.load()) == ["before"], "nothing is half applied"
if sys.argv[3] == "kill":
    os.kill(os.getpid(), 9)
if sys.argv[3] == "close":
    try:
        store.close()
    except StatusStoreError:
        assert not Path(f"{path}.holder").exists()
        store.close()
        sys.exit()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
store.commit()
assert not store.pending
assert len(store.load()) == 400 and "before" not in store.load()
store.close()
"""


@pytest.mark.parametrize("room_bytes", [0, 1, 4096, 10_000, 50_000])
@pytest.mark.parametrize("end", ["space", "kill", "close"])
def test_a_full_disk_is_survived(path: Path, room_bytes: int, end: str) -> None:
    command = [sys.executable, "-c", FULL, str(path), str(room_bytes), end]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == (-9 if end == "kill" else 0)
    store = StatusStore.open(path)
    assert len(store.load()) == (400 if end == "space" else 1)
    store.close()


def test_a_full_disk_does_not_lose_what_waits_for_the_checkpoint(path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from ppg_mcp.store import StatusStore, status_store
status_store.LOG_LIMIT_BYTES = 20_000
path = Path(sys.argv[1])
store = StatusStore.open(path)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
number = 0
try:
    while True:
        store.tombstone("x" * 3000 + str(number), number)
        store.commit()
        number += 1
except status_store.StatusStoreError:
    print(number, len(store.load()))
"""
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    committed, loaded = map(int, done.stdout.split())
    assert committed == loaded > 10
    store = StatusStore.open(path)
    assert len(store.load()) == committed
    store.close()


class Boots:
    """The same machine, booted again whenever the story says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts = HostFacts.of_this_process()._replace(boot_id="boot 0")

    def reboot(self) -> None:
        self.facts = self.facts._replace(boot_id=self.facts.boot_id + "'")

    def open(self) -> StatusStore:
        return StatusStore.open(self.path, self.facts)


def test_after_a_reboot_in_mid_run_what_was_not_synced_is_suspect(path: Path, record_job: Callable[..., None]) -> None:
    machine = Boots(path)
    store = machine.open()
    record_job(store, "synced")
    store.commit()
    assert store.sequence == 1
    store.mark_synced()
    record_job(store, "not synced")
    record_job(store, "synced by number")
    store.commit()
    store.mark_synced(2)
    store.commit()
    record_job(store, "later\udcff")
    store.tombstone("running", 1)
    store.close(clean=False)
    machine.reboot()
    store = machine.open()
    assert store.unsynced == {"synced by number", "later\udcff"}
    store.close()


def test_suspects_stay_suspect_until_they_are_dealt_with(path: Path, record_job: Callable[..., None]) -> None:
    machine = Boots(path)
    store = machine.open()
    record_job(store, "a")
    record_job(store, "b")
    store.close(clean=False)
    store = machine.open()
    assert store.unsynced == frozenset(), "no reboot, nothing lost"
    record_job(store, "c")
    store.close(clean=False)
    machine.reboot()
    store = machine.open()
    assert store.unsynced == {"a", "b", "c"}
    record_job(store, "b")
    record_job(store, "d")
    store.close(clean=False)  # and again, before all of them were looked at
    store = machine.open()
    assert store.unsynced == {"a", "c"}
    store.mark_synced()
    store.close(clean=False)
    machine.reboot()
    store = machine.open()
    assert store.unsynced == frozenset()
    store.close()


def test_after_a_clean_end_nothing_is_suspect(path: Path, record_job: Callable[..., None]) -> None:
    machine = Boots(path)
    store = machine.open()
    record_job(store, "a")
    store.close()
    machine.reboot()
    store = machine.open()
    assert store.unsynced == frozenset()
    store.close(clean=False)
    machine.reboot()
    store = machine.open()
    assert store.unsynced == frozenset(), "not even after a crash that recorded nothing"
    store.close()


def test_an_interrupted_commit_is_tried_again(
    path: Path, record_job: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StatusStore.open(path)
    record_job(store, "a")
    store.tombstone("b", 1)

    def interrupted(buffer: object, all_of_it: bool) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ppg_mcp.store.buffer.Buffer.groups", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.commit()
    assert store.load() == {}
    assert store.pending
    store.commit()
    assert set(store.load()) == {"a", "b"}
    store.close()


@pytest.mark.parametrize("event", ["c_call", "c_return"])
def test_a_commit_may_be_interrupted_anywhere(path: Path, record_job: Callable[..., None], event: str) -> None:
    """Before and after each of its statements, from BEGIN to COMMIT: the next commit does it all."""
    store = StatusStore.open(path)
    for number in range(4):
        left = number

        def interrupt(frame: object, what: str, function: Any) -> None:
            nonlocal left
            if what == event and getattr(function, "__self__", None) is store._connection:
                left -= 1
                if left < 0:
                    sys.setprofile(None)
                    raise KeyboardInterrupt

        record_job(store, f"a{number}")
        store.tombstone(f"b{number}", 1)
        sys.setprofile(interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                store.commit()
        finally:
            sys.setprofile(None)
        store.commit()
        assert not store.pending
        jobs = store.load()
        assert not jobs[f"a{number}"].tombstone
        assert jobs[f"b{number}"].tombstone
    store.close()


def test_a_store_is_created_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ppg_mcp.store.schema._TABLES", "CREATE TABLE jobs (nonsense")
        with pytest.raises(StatusStoreError, match="Failed to open"):
            StatusStore.open(path)
    assert os.listdir(path.parent) == []
    StatusStore.open(path).close()


def test_where_there_are_no_hard_links_it_is_renamed_into_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    StatusStore.open(path).close()
    assert os.listdir(path.parent) == [path.name]


STOP_BUILDING = """
import os, sys
from pathlib import Path
from ppg_mcp.store import StatusStore

def stop(*_):
    os.kill(os.getpid(), 9)

os.{function} = stop
StatusStore.open(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("function", ["link", "unlink", "replace"])
def test_what_a_killed_creator_leaves_is_removed_by_the_next(path: Path, function: str) -> None:
    """Before the new store is in its place, after it, and when the holder file is about to get its name."""
    command = [sys.executable, "-c", STOP_BUILDING.format(function=function), str(path)]
    assert subprocess.run(command).returncode == -9
    assert [name for name in os.listdir(path.parent) if ".new" in name]
    stranger = path.with_name(path.name + ".new-faraway-1-1-00")
    alive = unfinished_path(path, HostFacts.of_this_process())
    stranger.touch()
    alive.touch()
    StatusStore.open(path).close()
    assert sorted(os.listdir(path.parent)) == sorted(p.name for p in (path, stranger, alive))
