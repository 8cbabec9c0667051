"""One holder at a time, named to the one who is refused, and nothing to unlock after any death."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppg_mcp.store import HostFacts, StatusStore, StoreInUseError
from ppg_mcp.store.holder import Holder, holder_path, read_holder, write_holder
from ppg_mcp.store.host_facts import start_time_of

HOLD = """
import sys
from pathlib import Path
from ppg_mcp.store import StatusStore, StoreInUseError
try:
    store = StatusStore.open(Path(sys.argv[1]))
except StoreInUseError as error:
    print("refused", error)
    sys.exit()
store.set_run_directory("/run/of/other")
store.tombstone("started", 1)
store.commit()
store.tombstone("never committed", 2)
print("holds", store.epoch, flush=True)
sys.stdin.readline()
store.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def test_a_second_process_is_refused_and_told_by_whom(path: Path, start: Callable[..., Any]) -> None:
    other = start(HOLD, path)
    assert other.reads() == "holds 1"
    with pytest.raises(StoreInUseError) as caught:
        StatusStore.open(path)
    message = str(caught.value)
    assert f"process {other.process.pid} on {socket.gethostname()}" in message
    assert str(path) in message
    assert "wait" in message
    other.says("close")
    assert other.reads() == "closed"
    store = StatusStore.open(path)
    assert store.epoch == 2
    store.close()


def test_many_who_come_at_once_get_one_store_one_after_the_other(path: Path, start: Callable[..., Any]) -> None:
    others = [start(HOLD, path) for _ in range(6)]
    answers = [other.reads().split()[:2] for other in others]
    assert answers.count(["holds", "1"]) == 1
    assert [answer[0] for answer in answers].count("refused") == 5
    others[answers.index(["holds", "1"])].kill()
    store = StatusStore.open(path)
    assert store.epoch == 2
    assert list(store.load()) == ["started"]
    store.close()
    assert os.listdir(path.parent) == [path.name], "of those who lost the race to create it nothing is left"


def test_the_holder_file_says_who_and_where(path: Path) -> None:
    store = StatusStore.open(path)
    me = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "start_time": start_time_of(os.getpid()),
        "run_directory": "",
    }
    assert json.loads(holder_path(path).read_text()) == me
    store.set_run_directory(path.parent / "run")
    assert json.loads(holder_path(path).read_text()) == {**me, "run_directory": str(path.parent / "run")}
    store.close()
    assert not holder_path(path).exists()


def test_after_sigkill_the_next_one_just_goes_on(path: Path, start: Callable[..., Any]) -> None:
    for epoch in (1, 2, 3):
        other = start(HOLD, path)
        assert other.reads() == f"holds {epoch}"
        other.kill()
    store = StatusStore.open(path)
    assert store.warnings == []
    assert store.epoch == 4
    assert store.previous_run_directory == "/run/of/other"
    assert list(store.load()) == ["started"]
    store.close()


def test_a_killed_holder_that_nobody_reaped_is_dead(path: Path, start: Callable[..., Any]) -> None:
    other = start(HOLD, path)
    other.reads()
    other.process.kill()
    os.waitid(os.P_PID, other.process.pid, os.WEXITED | os.WNOWAIT)
    StatusStore.open(path).close()


def test_a_run_directory_is_not_forgotten_before_it_is_replaced(path: Path, start: Callable[..., Any]) -> None:
    other = start(HOLD, path)
    other.reads()
    other.kill()
    for _ in range(2):  # successors that end before they have dealt with it
        store = StatusStore.open(path)
        assert store.previous_run_directory == "/run/of/other"
        store.close(clean=False)
    holder_path(path).unlink(missing_ok=True)
    store = StatusStore.open(path)
    assert store.previous_run_directory == "/run/of/other"
    store.set_run_directory("/run/of/this")
    store.close()
    store = StatusStore.open(path)
    assert store.previous_run_directory == "/run/of/this"
    store.close()


def test_one_process_does_not_open_it_twice(path: Path, record_job: Callable[..., None], tmp_path: Path) -> None:
    store = StatusStore.open(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(StoreInUseError, match=f"this very process \\({os.getpid()}\\)"):
            StatusStore.open(name)
    record_job(store, "a")
    store.commit()
    probe = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT * FROM jobs')"
    locked = subprocess.run([sys.executable, "-c", probe, path], capture_output=True, text=True)
    assert "database is locked" in locked.stderr, "the refusal did not cost the lock"
    store.close()
    store = StatusStore.open(link)
    assert list(store.load()) == ["a"]
    store.close()


def test_a_lock_without_a_holder_is_somebody_unknown(
    path: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ppg_mcp.store.opening.LOCK_PATIENCE_S", 0.1)
    StatusStore.open(path).close()
    other = start(
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA locking_mode = EXCLUSIVE');"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.readline()",
        path,
    )
    assert other.reads() == "locked"
    with pytest.raises(StoreInUseError, match="an unknown process"):
        StatusStore.open(path)
    holder_path(path).write_text("not a holder")
    with pytest.raises(StoreInUseError, match="an unknown process"):
        StatusStore.open(path)
    there = Holder("faraway", 4711, "another boot", 1, "")
    write_holder(path, there)
    with pytest.raises(StoreInUseError, match="process 4711 on faraway"):
        StatusStore.open(path)
    assert read_holder(path) == there


def test_without_locks_a_live_holder_is_respected(path: Path, start: Callable[..., Any]) -> None:
    StatusStore.open(path).close()
    before = path.read_bytes()
    other = start("import sys; print('lives', flush=True); sys.stdin.readline()")
    other.reads()
    me = HostFacts.of_this_process()
    started = start_time_of(other.process.pid)
    assert started
    holder = Holder(me.host, other.process.pid, me.boot_id, started, "/run/x")
    write_holder(path, holder)
    with pytest.raises(StoreInUseError, match=f"process {other.process.pid} on"):
        StatusStore.open(path)
    assert read_holder(path) == holder
    assert path.read_bytes() == before
    other.kill()
    store = StatusStore.open(path)
    assert store.previous_run_directory == "/run/x"
    assert store.warnings == []
    store.close()


@pytest.mark.parametrize("what", ["another start time", "an earlier boot"])
def test_a_pid_that_was_used_again_is_nobody(path: Path, what: str) -> None:
    me = HostFacts.of_this_process()
    parent = Holder(me.host, os.getppid(), me.boot_id, start_time_of(os.getppid()) or 0, "/run/x")
    reused = {"another start time": parent._replace(start_time=1), "an earlier boot": parent._replace(boot_id="old")}
    write_holder(path, reused[what])
    store = StatusStore.open(path)
    assert store.previous_run_directory == "/run/x"
    assert store.warnings == []
    store.close()


def test_our_own_leftover_is_nobody(path: Path) -> None:
    write_holder(path, Holder.of(HostFacts.of_this_process(), "/run/x"))
    store = StatusStore.open(path)
    assert store.previous_run_directory == "/run/x"
    store.close()


def test_a_holder_on_another_host_is_told_of(path: Path) -> None:
    write_holder(path, Holder("faraway", 4711, "another boot", 1, "/run/there"))
    store = StatusStore.open(path)
    assert len(store.warnings) == 1
    assert "process 4711 on faraway" in store.warnings[0]
    assert "stop it" in store.warnings[0]
    assert store.previous_run_directory == "", "a directory of that host"
    store.close()


def test_each_host_finds_its_own_run_directory(path: Path) -> None:
    here = HostFacts.of_this_process()
    there = here._replace(host="faraway", boot_id="another boot")
    for facts, before in ((here, ""), (there, ""), (here, "/run/of/" + here.host), (there, "/run/of/faraway")):
        store = StatusStore.open(path, facts)
        assert store.previous_run_directory == before
        store.set_run_directory(f"/run/of/{facts.host}")
        store.close(clean=False)


def test_a_forked_child_can_neither_use_nor_harm_the_store(path: Path, record_job: Callable[..., None]) -> None:
    script = """
import os, sys
from pathlib import Path
from ppg_mcp.store import StatusStore, StoreInUseError
path = Path(sys.argv[1])
store = StatusStore.open(path)
store.tombstone("before", 1)
store.commit()
child = os.fork()
if child == 0:
    try:
        StatusStore.open(path)
    except StoreInUseError as error:
        assert str(os.getppid()) in str(error)
    for use in (store.load, store.commit, lambda: store.tombstone("x", 2) or store.commit()):
        try:
            use()
        except AssertionError:
            pass
    store.close()
    del store
    sys.exit(7)  # with all of the interpreter's clean-up
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 7
assert Path(str(path) + "-wal").stat().st_size > 0
assert Path(str(path) + ".holder").exists()
store.tombstone("after", 3)
store.commit()
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-9, "")
    store = StatusStore.open(path)
    assert list(store.load()) == ["before", "after"]
    store.close()


def test_a_failed_open_leaves_the_way_free(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("ppg_mcp.store.status_store.write_holder", fail)
        with pytest.raises(Exception, match="Permission denied"):
            StatusStore.open(path)
    store = StatusStore.open(path)
    assert store.epoch == 1
    store.close()


def test_on_a_file_system_without_locks_the_holder_file_decides(
    path: Path, start: Callable[..., Any], record_job: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    StatusStore.open(path).close()
    monkeypatch.setattr("fcntl.lockf", no_locks)
    store = StatusStore.open(path)
    record_job(store, "a")
    store.close(clean=False)

    other = start(
        HOLD.replace("import sys", "import fcntl, sys\ndef no(*_): raise OSError(37)\nfcntl.lockf = no", 1), path
    )
    assert other.reads() == "holds 3"
    with pytest.raises(StoreInUseError, match=f"process {other.process.pid} on"):
        StatusStore.open(path)
    other.kill()
    store = StatusStore.open(path)
    assert list(store.load()) == ["a", "started"]
    store.close()

    there = Holder("faraway", 4711, "another boot", 1, "")
    write_holder(path, there)
    before = path.read_bytes()
    with pytest.raises(StoreInUseError, match=r"process 4711 on faraway.* remove .*\.holder"):
        StatusStore.open(path)
    assert read_holder(path) == there
    assert path.read_bytes() == before
