"""Unix sockets on one machine: another user can't get at them, and a bad message of one's own user ends no run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from cluster.hosts import SCRIPT, Script, until
from cluster.listening import listening_of

from ppg_coordinator.daemon import hello
from ppg_protocol.envelope import seal_one

NOBODY = 65534
WORK = """
note("begun")
ppg.FileGeneratingJob("f", lambda: (note("begun"), wait_for("go"), Path("f").write_text("x")))
ppg.run()
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    """In the middle of its run, on this machine alone."""
    (tmp_path / "pipeline.py").write_text(SCRIPT + WORK)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PPG_")}
    process = subprocess.Popen(
        [sys.executable, "pipeline.py"], cwd=tmp_path, env=variables, text=True, stdout=-1, stderr=-1
    )
    script = Script(tmp_path, process)
    try:
        until(lambda: len(script.notes) == 2, "the job")
        yield script
        (tmp_path / "go").touch()
        script.good()
        assert (tmp_path / "f").read_text() == "x"
    finally:
        process.kill()
        process.communicate()


def paths(script: Script) -> dict[str, str]:
    """Its sockets by name: all that it has are Unix sockets."""
    found = listening_of(script.process.pid)
    assert {socket.kind for socket in found} == {"unix"}
    return {Path(socket.address).name: socket.address for socket in found}


def as_nobody(action: Callable[[], None]) -> str:
    """Do it as another user; returns what it raised."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups(())
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            action()
        except OSError as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as said:
        return said.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("name", ["ask", "link"])
def test_another_user_can_not_even_see_them(script: Script, name: str) -> None:
    path = paths(script)[name]

    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(path)

    assert as_nobody(connect) == "PermissionError"
    assert as_nobody(lambda: os.listdir(os.path.dirname(path)) and None) == "PermissionError"
    assert as_nobody(lambda: os.stat(path) and None) == "PermissionError"


def test_noise_and_a_foreign_hello_end_no_run(script: Script) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        for frames in ([b"noise"], [b""] * 70, seal_one(0, 0, [hello("slave")]).frames):
            stranger = context.socket(zmq.DEALER)
            stranger.connect("ipc://" + paths(script)["link"])
            stranger.send_multipart(frames)
            stranger.poll(500)
            stranger.close(linger=0)
    finally:
        context.destroy(linger=0)
