"""What is left when the supervisor or the MCP is killed, and how the next session gets rid of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from cs_mcp import PATIENCE_S, Mcp, file_task, is_alive, runtime_base

from ppg_cs import marker, survivors
from ppg_cs.session_directory import SessionDirectoryError, locked, runtime_root, session_directory
from ppg_protocol.messages import Started


def until(condition: object, what: str = "") -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


def start_writers(path: str, pids: str) -> None:
    """A job with an exec'ed daemon whose environ is intact and a forked one that only its marker gives away."""
    command = "while true; do echo x >> " + pids + ".grows; done"
    devnull = subprocess.DEVNULL
    exec_ed = subprocess.Popen(["setsid", "bash", "-c", command], stdout=devnull, stderr=devnull)
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.write(write_end, str(os.getpid()).encode())
        while True:
            signal.pause()
    forked = int(os.read(read_end, 20))
    Path(pids + ".new").write_text(f"{exec_ed.pid} {forked}")
    os.rename(pids + ".new", pids)
    signal.pause()


def processes_below(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        found += survivors.descendants._children_by_scan(parent)
    return found


def test_when_the_supervisor_is_killed_the_next_session_ends_what_it_left(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with Mcp(tmp_path, [file_task(tmp_path / "out", start_writers, str(pids))]) as mcp:
        mcp.run(0)
        mcp.until(pids.exists)
        writers = [int(pid) for pid in pids.read_text().split()]
        own = processes_below(mcp.supervisor.pid)
        os.kill(mcp.supervisor.pid, signal.SIGKILL)
        assert mcp.gone(PATIENCE_S)
        until(lambda: not any(is_alive(pid) for pid in own if pid not in writers), "job and data process live on")
        root = runtime_root(str(tmp_path), runtime_base(tmp_path))
        assert survivors.sweep(root) == []  # the MCP lives: hands off
        assert all(is_alive(pid) for pid in writers)
        owner = json.loads((mcp.directory / "owner.json").read_text())
        (mcp.directory / "owner.json").write_text(json.dumps({**owner, "start_time": 1}))
        ended = survivors.sweep(root)
        assert not any(is_alive(pid) for pid in writers)
        assert len(ended) >= 2
        assert all(mcp.session in line for line in ended)
        assert not mcp.directory.exists()


def test_when_the_mcp_is_killed_everything_goes_at_once(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    read_end, write_end = os.pipe()
    fake_mcp = os.fork()
    if fake_mcp == 0:
        try:
            mcp = Mcp(tmp_path, [file_task(tmp_path / "out", start_writers, str(pids))])
            mcp.until(lambda: mcp.said)
            mcp.run(0)
            mcp.expect(Started)
            mcp.until(pids.exists)
            os.write(write_end, str(mcp.supervisor.pid).encode())
            signal.pause()
        finally:
            os._exit(1)
    supervisor = int(os.read(read_end, 20))
    everything = set(processes_below(supervisor)) | {int(pid) for pid in pids.read_text().split()}
    assert len(everything) >= 5
    os.kill(fake_mcp, signal.SIGKILL)
    os.waitpid(fake_mcp, 0)
    until(lambda: not any(is_alive(pid) for pid in everything), "something lives on")
    assert survivors.sweep(runtime_root(str(tmp_path), runtime_base(tmp_path))) == []
    assert not runtime_root(str(tmp_path), runtime_base(tmp_path)).exists()
    shutil.rmtree(runtime_base(tmp_path))


def test_a_frozen_supervisor_of_a_dead_mcp_is_swept_too(tmp_path: Path) -> None:
    with Mcp(tmp_path, []) as mcp:
        os.kill(mcp.supervisor.pid, signal.SIGSTOP)
        owner = json.loads((mcp.directory / "owner.json").read_text())
        (mcp.directory / "owner.json").write_text(json.dumps({**owner, "start_time": 1}))
        ended = survivors.sweep(runtime_root(str(tmp_path), runtime_base(tmp_path)))
        assert any(str(mcp.supervisor.pid) in line for line in ended)
        assert mcp.gone(PATIENCE_S)


def test_a_session_of_another_project_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    session_directory(str(tmp_path / "a"), "one", tmp_path)
    assert runtime_root(str(tmp_path / "a"), tmp_path) != runtime_root(str(tmp_path / "b"), tmp_path)
    assert survivors.sweep(runtime_root(str(tmp_path / "b"), tmp_path)) == []


def test_sigterm_ends_the_session_in_order(tmp_path: Path) -> None:
    def hang(path: str) -> None:
        Path(path).write_text("half")
        (tmp_path / "running").touch()
        signal.pause()

    with Mcp(tmp_path, [file_task(tmp_path / "out", hang)]) as mcp:
        mcp.run(0)
        mcp.until((tmp_path / "running").exists)
        os.kill(mcp.supervisor.pid, signal.SIGINT)  # not heeded: the MCP decides
        os.kill(mcp.supervisor.pid, signal.SIGTERM)
        assert mcp.gone(PATIENCE_S)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["link", "open", "file"])
def test_a_directory_that_others_may_have_made_is_refused(tmp_path: Path, kind: str) -> None:
    base = tmp_path / f"ppg-{os.geteuid()}"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        base.symlink_to(tmp_path / "elsewhere")
    elif kind == "open":
        base.mkdir()
        base.chmod(0o755)
    else:
        base.touch(0o600)
    with pytest.raises(SessionDirectoryError, match="must be a directory"):
        session_directory(str(tmp_path), "s", tmp_path)


def test_a_session_directory_is_private_and_names_its_owner(tmp_path: Path) -> None:
    directory = session_directory(str(tmp_path), "s", tmp_path)
    assert directory.stat().st_mode & 0o777 == 0o700
    owner = survivors.owner_of(directory)
    assert owner is not None
    assert owner.pid == os.getpid()
    assert owner.is_alive()
    assert len(f"{runtime_root('/x')}/{'s' * 16}/link") < 107


@pytest.mark.parametrize("left", ["nothing", "a directory", "half an owner"])
def test_a_directory_whose_maker_was_killed_is_removed_at_once(tmp_path: Path, left: str) -> None:
    root = runtime_root(str(tmp_path), tmp_path)
    if left == "nothing":
        root.mkdir(parents=True)
    else:
        (root / "s").mkdir(parents=True)
    if left == "half an owner":
        (root / "s" / "owner.json").write_text('{"machine_id": "')
    assert survivors.sweep(root) == []
    assert not root.exists()


def test_a_directory_that_is_being_made_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppg_cs.session_directory.LOCK_PATIENCE_S", 0.05)
    root = runtime_root(str(tmp_path), tmp_path)
    with locked(root, make=True):
        (root / "s").mkdir()
        with pytest.raises(SessionDirectoryError, match="locked"):
            survivors.sweep(root)
        with pytest.raises(SessionDirectoryError, match="locked"):
            session_directory(str(tmp_path), "other", tmp_path)
    assert (root / "s").is_dir()
    survivors.sweep(root)
    assert not root.exists()


def test_a_marker_that_is_held_by_nobody_who_is_seen_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan of /proc can miss who was forked meanwhile, so it is repeated; another user's process is never seen."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a process of another user")
    directory = runtime_root(str(tmp_path), tmp_path) / "s"
    directory.mkdir(parents=True)
    held = marker.hold(str(directory), 0)
    until_told, tell = os.pipe()
    until_strange, is_strange = os.pipe()
    stranger = os.fork()
    if stranger == 0:
        os.close(tell)
        os.setresuid(65534, 65534, 65534)
        os.write(is_strange, b"!")
        os.read(until_told, 1)
        os._exit(0)
    os.close(held)
    os.read(until_strange, 1)
    try:
        monkeypatch.setattr("ppg_cs.survivors.KILL_S", 0.1)
        with pytest.raises(survivors.SurvivorError, match="can't be seen"):
            survivors.sweep(directory.parent)
        monkeypatch.setattr("ppg_cs.survivors.KILL_S", PATIENCE_S)
        threading.Timer(0.05, os.close, (tell,)).start()
        survivors.sweep(directory.parent)
        assert not directory.exists()
    finally:
        os.waitpid(stranger, 0)
        for fd in (until_told, until_strange, is_strange):
            os.close(fd)
