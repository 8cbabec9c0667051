"""Clients that misbehave disturb neither the run nor other clients; the socket comes and goes with the run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ppg_cs.session_directory import locked, runtime_root
from ppg_mcp.ask import server
from ppg_mcp.ask.wire import decode, encode
from ppg_mcp.store.holder import read_holder

from ..project import Project
from ..scripts import PATIENCE_S, Scripts, children, until
from .asking import answer, ask

HELD = """
def held(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("x")

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("held", held)
ppg.run()
"""


@pytest.fixture
def run(project: Project, scripts: Scripts) -> subprocess.Popen[str]:
    """A run with one job, which waits for the file `go`."""
    started = scripts.start(HELD)
    until(lambda: project.calls() == ["reached"], "the job")
    until(lambda: answer("status")["running"] == 1, "the run")
    return started


def socket_file() -> Path:
    holder = read_holder(Path(".pypipegraph_status_robust"))
    assert holder is not None
    return Path(holder.run_directory, "ask")


@contextlib.contextmanager
def connected() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(socket_file()))
        connection.settimeout(30)
        yield connection


def answered(request: bytes) -> bytes:
    """All that comes back; nothing if the master hangs up."""
    with connected() as connection:
        received = b""
        try:
            connection.sendall(request)
            while more := connection.recv(65536):
                received += more
        except (BrokenPipeError, ConnectionResetError):
            pass
        return received


def ends_well(run: subprocess.Popen[str], project: Project) -> None:
    Path("go").touch()
    assert run.wait(timeout=PATIENCE_S) == 0
    assert project.read("held") == "x"


@pytest.mark.parametrize(
    "request_", [b"garbage\n", b"[]\n", b"{}\n", b'{"ask": "why", "jobs": []}\n', b'{"ask": "why", "jobs": [7]}\n',
                 b"[" * 60_000 + b"\n", b'{"ask": "status", "x": "\xff"}\n']
)  # fmt: skip
def test_what_is_no_question_is_told_so(run: subprocess.Popen[str], project: Project, request_: bytes) -> None:
    assert "can't be understood" in decode(answered(request_))["error"]
    ends_well(run, project)


def test_a_megabyte_is_cut_off(run: subprocess.Popen[str], project: Project) -> None:
    assert answered(b"x" * (1 << 20)) == b""
    assert answer("status")["live"]
    ends_well(run, project)


def test_clients_that_vanish_or_say_nothing(run: subprocess.Popen[str], project: Project) -> None:
    for _ in range(20):
        with connected() as connection:
            connection.sendall(encode({"ask": "status"}))
    with connected() as silent, connected() as half:
        half.sendall(b'{"ask": ')
        assert answer("status")["live"], "others are answered meanwhile"
        assert (silent.recv(1), half.recv(1)) == (b"", b""), "they are cut off after a while"
    ends_well(run, project)


def test_too_many_at_once_are_sent_away(run: subprocess.Popen[str], project: Project) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connected()) for _ in range(server.MAX_CLIENTS)]
        with connected() as one_more:
            assert one_more.recv(1) == b""
        for connection in crowd:
            connection.sendall(encode({"ask": "status"}))
        answers = [connection.makefile("rb").readline() for connection in crowd]
        assert all(json.loads(line)["live"] for line in answers)
    ends_well(run, project)


def test_no_child_inherits_the_socket(run: subprocess.Popen[str], project: Project) -> None:
    owners = [pid for pid in (run.pid, *descendants(run.pid)) if has_open(pid, inode_of(socket_file()))]
    assert owners == [run.pid]
    ends_well(run, project)


def inode_of(path: Path) -> str:
    """Of a listening Unix socket; see proc_net_unix(5)."""
    (line,) = [line for line in Path("/proc/net/unix").read_text().splitlines() if line.endswith(f" {path}")]
    return line.split()[6]


def has_open(pid: int, inode: str) -> bool:
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    return f"socket:[{inode}]" in links


def descendants(pid: int) -> list[int]:
    below = children(pid)
    assert below or pid != os.getpid()
    return [one for child in below for one in (child, *descendants(child))]


def test_it_is_private_and_gone_after_the_run(run: subprocess.Popen[str], project: Project) -> None:
    path = socket_file()
    assert path.is_socket()
    assert path.parent.stat().st_mode & 0o077 == 0
    ends_well(run, project)
    assert not path.exists()
    assert not answer("status")["live"]


def test_after_kill_9_nobody_waits_for_a_dead_master(
    run: subprocess.Popen[str], project: Project, scripts: Scripts
) -> None:
    path = socket_file()
    with locked(runtime_root(str(project.path))):  # lest a ppg-slave that starts for another test removes what is left
        run.kill()
        run.wait()
        until(lambda: not scripts.processes(), "the end of all processes")
        assert path.exists(), "it is stale"
        told = answer("status")
    assert (told["live"], told["last_run"]["ended_at"], told["tombstones"]) == (False, None, 1)
    assert "did not end: it was killed" in ask("status").out
    assert answer("why", "held")["state"] == "started, and did not end"


def test_an_interrupted_run(run: subprocess.Popen[str]) -> None:
    os.kill(run.pid, signal.SIGINT)
    run.communicate(timeout=PATIENCE_S)
    assert answer("status")["last_run"]["interrupted"]


def test_answers_while_much_is_going_on(project: Project, scripts: Scripts) -> None:
    """Questions, good and bad, between a few hundred short jobs, and every job is done."""
    script = scripts.start(
        "ppg.new_pipegraph(quiet=True)\nfor n in range(300): ppg.FileGeneratingJob(f'{n}', write(str(n)))\nppg.run()\n"
    )
    seen: list[dict[str, Any]] = []
    while script.poll() is None:
        try:
            seen += [decode(answered(encode({"ask": ask}))) for ask in ("status", "nonsense")]
            answered(b"x" * 100_000)
        except (OSError, AssertionError, ValueError):
            continue  # before its beginning, or after its end
    assert script.returncode == 0
    assert all(project.read(str(n)) == str(n) for n in range(300))
    live = [told for told in seen if "live" in told]
    assert [told["done"] for told in live] == sorted(told["done"] for told in live)
    assert {told["total"] for told in live} <= {300}
