"""A cluster on this machine: a real coordinator, real slaves with machine ids of their own, scripts that use them.

Leases are short here. Every process that is started is ended, and at the end nothing of any session may be left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ppg_coordinator.inquiry import inquire
from ppg_protocol.keys import KeyDirectory, make_owner_keys, make_user_keys

from .ports import Port

PATIENCE_S = 120.0
HEARTBEAT_S, LEASE_S = 0.2, 3.0
NO_VARIABLES: Mapping[str, str] = {}
UNSHARE = ("unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c")

SCRIPT = """
import os, sys, time
from pathlib import Path
import pypipegraph as ppg

def machine():
    return os.environ["PPG_SESSION"].partition(".")[2]

def note(text):
    with open("notes", "a") as file:
        file.write(f"{text}\\n")

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)

def wait_until_begun_on(name):  # however late that machine comes
    if machine().endswith(name):
        Path(f"begun-on-{name}").touch()
    wait_for(f"begun-on-{name}")

os.makedirs("logs", exist_ok=True)
ppg.new_pipegraph(quiet=True)
"""


def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait until it holds; returns what it gave."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, f"waited in vain: {what or condition}"
        time.sleep(0.02)
    return found


class Script:
    """A pipeline that runs in a directory."""

    def __init__(self, directory: Path, process: subprocess.Popen[str]) -> None:
        self.directory = directory
        self.process = process

    def wait(self) -> int:
        """Its exit code; what it printed is in `out` and `err`."""
        try:
            self.out, self.err = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.log}") from None
        return self.process.returncode

    def good(self) -> Script:
        """Wait; it must succeed."""
        assert self.wait() == 0, f"{self.err}\n{self.log}"
        return self

    @property
    def log(self) -> str:
        path = self.directory / "logs" / "ppg_run.txt"
        return path.read_text() if path.exists() else ""

    @property
    def notes(self) -> list[str]:
        """Lines that jobs noted."""
        path = self.directory / "notes"
        return path.read_text().splitlines() if path.exists() else []


class Cluster:
    """Use the fixture of the same name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: dict[str, subprocess.Popen[Any]] = {}
        self.scripts: list[Script] = []
        self._port = Port()
        self.endpoint = f"tcp://127.0.0.1:{self._port.number}"
        make_owner_keys(directory / "keys")
        self.environment = {
            **os.environ,
            "PPG_COORDINATOR": self.endpoint,
            "PPG_KEYS": str(directory / "keys"),
            "PPG_HEARTBEAT": str(HEARTBEAT_S),
            "PPG_LEASE": str(LEASE_S),
            "PPG_CONFIG": str(directory / "none.toml"),
        }
        (directory / "none.toml").touch()

    # ------------------------------------------------------------------------------------------------------- daemons

    def up(self, *slaves: str, cores: int = 2) -> Cluster:
        """The coordinator and these slaves."""
        self.coordinator()
        for name in slaves:
            self.slave(name, cores)
        self.await_registration(lambda: len(self.status()["machines"]) == len(slaves))
        return self

    def await_registration(self, condition: Callable[[], Any]) -> None:
        """Wait until the slaves are there that it wants; if they are not, what all daemons logged is shown."""
        try:
            until(condition, "registration of slaves")
        except AssertionError as error:
            for name, process in self.processes.items():
                error.add_note(f"{name} (status {process.poll()}):\n{self.log_of(name)}")
            raise

    def coordinator(self, *options: str) -> None:
        """Start it, maybe again."""
        self._start(
            "coordinator",
            "ppg_coordinator.command",
            "serve",
            "--listen",
            self.endpoint,
            "--keys",
            str(self.directory / "keys"),
            "--grace",
            "1",
            *options,
        )

    def slave(
        self, name: str, cores: int = 2, *options: str, user: str = "owner", inside: str = "", **environment: str
    ) -> None:
        """Start one, maybe again; with the keys of a user. `inside`: commands that make it a host of its own first, in
        namespaces of mounts and host names; see `namespaces`."""
        self._start(
            name if user == "owner" else f"{name}-{user}",
            "ppg_cs.slave.command",
            "--coordinator",
            self.endpoint,
            "--keys",
            str(self.keys_of(user)),
            "--machine-id",
            name,
            "--cores",
            str(cores),
            *options,
            inside=inside,
            environment=environment,
        )

    def user(self, name: str) -> None:
        """Another user, admitted."""
        make_user_keys(self.keys_of(name), name, self.directory / "keys" / "coordinator.key")
        self.command("authorize", name, str(self.keys_of(name) / "user.key"))

    def keys_of(self, user: str) -> Path:
        return self.directory / ("keys" if user == "owner" else f"keys-{user}")

    def command(self, *arguments: str, user: str = "owner") -> str:
        """Run `ppg-coordinator …`; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "ppg_coordinator.command", *arguments],
            env={**self.environment, "PPG_KEYS": str(self.keys_of(user))},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> Any:
        """As `ppg-coordinator status --json` tells, without a process for each question."""
        answer = inquire(self.endpoint, KeyDirectory.load(self.directory / "keys"), "status", (), PATIENCE_S)
        return json.loads(answer.document)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a daemon."""
        self.processes[name].send_signal(number)
        if number == signal.SIGKILL:
            self.processes.pop(name).wait()

    def log_of(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def _start(
        self, name: str, module: str, *arguments: str, inside: str = "", environment: Mapping[str, str] = NO_VARIABLES
    ) -> None:
        command = [environment.get("PYTHON", sys.executable), "-m", module, *arguments]
        with open(self.directory / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [*UNSHARE, f'set -e\n{inside}\nexec "$@"', "sh", *command] if inside else command,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )

    # ------------------------------------------------------------------------------------------------------- scripts

    def start(self, text: str, name: str = "project", user: str = "owner", **environment: str) -> Script:
        """Run a pipeline in a directory of that name."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        path = directory / "pipeline.py"
        path.write_text(SCRIPT + text)
        keys = {"PPG_KEYS": str(self.keys_of(user))}
        process = subprocess.Popen(
            [sys.executable, "pipeline.py"],
            cwd=directory,
            env={**self.environment, **keys, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.scripts.append(Script(directory, process))
        return self.scripts[-1]

    def run(self, text: str, name: str = "project", user: str = "owner", **environment: str) -> Script:
        """Run it to its good end."""
        return self.start(text, name, user, **environment).good()

    # ----------------------------------------------------------------------------------------------------------- end

    def down(self) -> None:
        """End everything that is left."""
        for process in [script.process for script in self.scripts] + list(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        for script in self.scripts:
            for stream in (script.process.stdout, script.process.stderr):
                assert stream is not None
                stream.close()
        self._port.close()
        needle = os.fsencode(str(self.directory))
        until(lambda: not _processes_that_mention(needle), "the end of all processes")


def _processes_that_mention(needle: bytes) -> list[str]:
    """Pids, this one excluded, of processes with a directory in their environment or command line."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                text = Path(f"/proc/{name}/environ").read_bytes() + Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if needle in text:
                found.append(name)
    return found
