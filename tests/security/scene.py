"""A cluster at work on three hosts, while somebody listens in and somebody looks around. What is seen is kept.

A pipegraph with every kind of socket that pypipegraph opens: file jobs on both slave hosts, a notebook with its kernel,
the questions of a second terminal. `MARKER` is in its ids, parameters, code, environment, output, files and failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos.processes import Namespaces, send
from cluster.hosts import PATIENCE_S, until
from cluster.listening import Listening, listening
from cluster.three_hosts import HOSTS, ThreeHosts

MARKER = "marker-5f1e6c9a-in-the-clear"
PLAIN_PORT = 7999
CELLS = ("open('kernel', 'w').close()", "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.05)")
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for source in [
            "open('kernel', 'w').close()",
            "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)",
        ]
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
PIPELINE = f"""
import os, time
from pathlib import Path
import pypipegraph as ppg

def note(name):
    Path(name).touch()
    while not os.path.exists("go"):
        time.sleep(0.05)

def write(path):
    print("{MARKER} in what a job prints", os.environ["{MARKER}"])
    note(f"begun-{{os.environ['PPG_SESSION']}}")
    Path(path).write_text("{MARKER} in what it writes")

def fail(path):
    note("begun-bad")
    raise ValueError("{MARKER} in an exception")

os.environ["{MARKER}"] = "{MARKER} in the environment"
here = None if "PPG_COORDINATOR" in os.environ else ppg.resource_coordinators.LocalSystem(6)
ppg.new_pipegraph(here, quiet=True)
for number in range(4):
    job = ppg.FileGeneratingJob(f"{MARKER}-{{number}}", write)
    job.depends_on_params(["{MARKER} in a parameter"])
ppg.FileGeneratingJob("bad", fail)
ppg.NotebookJob("report.ipynb")
try:
    ppg.run()
except ppg.RuntimeError:
    Path("failed-as-told").touch()
"""
PLAIN = {
    "head": f"import socket; socket.create_server(('', {PLAIN_PORT})).accept()[0].recv(1000)",
    "one": f"""
import socket, time
while True:
    try:
        socket.create_connection(("10.77.0.1", {PLAIN_PORT})).sendall(b"{MARKER} over a plain socket")
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
""",
}


@dataclass
class Seen:
    """`listening`: by host, while jobs and kernel ran. `owners`: of these sockets, the command lines by inode.
    `entries`: mode of every file, directory and socket of keys and sessions. `captured`: by host, all its packets.
    `made`: the files, by name. `local`: what listens while a run uses no cluster."""

    listening: dict[str, list[Listening]] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    entries: dict[Path, os.stat_result] = field(default_factory=dict)
    captured: dict[str, bytes] = field(default_factory=dict)
    local: list[Listening] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)


class Scene:
    """`play` it once; tests look at what was seen."""

    def __init__(self, directory: Path) -> None:
        self._hosts = ThreeHosts(directory, lease_s=20.0)
        self._project = directory / "project"
        self._local = directory / "local"
        self._eavesdroppers: dict[str, subprocess.Popen[bytes]] = {}
        self._scripts: list[subprocess.Popen[bytes]] = []
        self.seen = Seen()

    def play(self) -> Seen:
        """Everything, from the first packet on."""
        self._hosts.do("up")
        for host in HOSTS:
            self._listen_in(host)
        self._hosts.do("coordinator", "--grace", "1")
        self._hosts.do("user", "ann")
        for host in ("one", "two"):
            self._hosts.do("slave", host, "--cores", "3")
            self._hosts.do("slave", host, "ann", "--cores", "3")
        self._run_pipeline()
        self._run_locally()
        self._speak_plainly()
        self._stop_listening()
        return self.seen

    def end(self) -> None:
        """Of everything that runs on the hosts."""
        if (self._hosts.directory / "tag").exists():
            names = {host: self._hosts.namespace(host) for host in HOSTS}
            send(signal.SIGKILL, Namespaces(names).processes().values())
        for process in [*self._scripts, *self._eavesdroppers.values()]:
            process.kill()
            process.wait()
        self._hosts.do("down")

    # -------------------------------------------------------------------------------------------------------- the run

    def _run_pipeline(self) -> None:
        script = self._start("head", self._project)
        expected = ["begun-bad", "kernel"]
        until(lambda: all((self._project / name).exists() for name in expected), "jobs and the kernel")
        until(lambda: len(list(self._project.glob("begun-*.*"))) >= 2, "jobs on both machines")
        ask = self._hosts.start("head", sys.executable, "-m", "pypipegraph", "status", cwd=self._project, stdout=-3)
        assert ask.wait(PATIENCE_S) == 0
        for host in HOSTS:
            self.seen.listening[host] = listening(self._somebody_on(host))
        self._find_owners()
        self._look_at_files()
        (self._project / "go").touch()
        assert script.wait(PATIENCE_S) == 0
        assert (self._project / "failed-as-told").exists()
        self.seen.made = {path.name: path.read_text() for path in self._project.glob(f"{MARKER}*")}

    def _run_locally(self) -> None:
        """In a namespace of the three, but without their coordinator."""
        script = self._start("two", self._local, "env", "-u", "PPG_COORDINATOR")
        until(lambda: (self._local / "kernel").exists(), "the kernel")
        self.seen.local = listening(self._somebody_on("two"))
        (self._local / "go").touch()
        assert script.wait(PATIENCE_S) == 0

    def _start(self, host: str, directory: Path, *prefix: str) -> subprocess.Popen[bytes]:
        directory.mkdir()
        (directory / "pipeline.py").write_text(PIPELINE)
        (directory / "report.ipynb").write_text(json.dumps(NOTEBOOK))
        self._scripts.append(self._hosts.start(host, *prefix, sys.executable, "pipeline.py", cwd=directory))
        return self._scripts[-1]

    # -------------------------------------------------------------------------------------------------------- looking

    def _somebody_on(self, host: str) -> int:
        return self._hosts.pid("coordinator" if host == "head" else f"slave-{host}")

    def _find_owners(self) -> None:
        inodes = {f"socket:[{s.inode}]": s.inode for found in self.seen.listening.values() for s in found}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                for fd in os.listdir(f"/proc/{name}/fd"):
                    inode = inodes.get(os.readlink(f"/proc/{name}/fd/{fd}"))
                    if inode is not None:
                        command = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                        self.seen.owners[inode] = command.strip()

    def _look_at_files(self) -> None:
        directory = self._hosts.directory
        for top in [*directory.glob("sockets-*"), *directory.glob("keys*")]:
            for path in [top, *top.rglob("*")]:
                self.seen.entries[path] = path.lstat()

    # ----------------------------------------------------------------------------------------------------- listening in

    def _listen_in(self, host: str) -> None:
        path = self._hosts.directory / f"{host}.pcap"
        command = ["ip", "netns", "exec", self._hosts.namespace(host), "tcpdump", "-i", "eth0", "-U", "-w", str(path)]
        with open(f"{path}.err", "wb") as said:
            self._eavesdroppers[host] = subprocess.Popen([*command, "-Z", "root"], stdout=said, stderr=said)
        until(lambda: b"listening on" in Path(f"{path}.err").read_bytes(), "tcpdump")

    def _speak_plainly(self) -> None:
        talk = [self._hosts.start(host, sys.executable, "-c", text, cwd=Path("/")) for host, text in PLAIN.items()]
        assert [process.wait(PATIENCE_S) for process in talk] == [0, 0]
        paths = [self._hosts.directory / f"{host}.pcap" for host in PLAIN]
        said = b"over a plain socket"
        until(lambda: all(said in path.read_bytes() for path in paths), "the plain words in both captures")

    def _stop_listening(self) -> None:
        for host, process in self._eavesdroppers.items():
            process.terminate()
            process.wait(PATIENCE_S)
            self.seen.captured[host] = (self._hosts.directory / f"{host}.pcap").read_bytes()


@contextlib.contextmanager
def played(directory: Path) -> Iterator[Seen]:
    """A scene from its beginning to its end."""
    scene = Scene(directory)
    try:
        yield scene.play()
    finally:
        scene.end()


def mode(entry: os.stat_result) -> int:
    """Permission bits."""
    return stat.S_IMODE(entry.st_mode)
