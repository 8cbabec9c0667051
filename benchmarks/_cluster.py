"""A cluster on this machine: real daemons by their command lines, with keys, on loopback; gone when it is left.

with cluster(directory, {"a": 1, "b": 1}) as here:
    run(command, work, environment=here.environment)
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _memory import tree

PATIENCE_S = 180.0
LOOK_UP_S = 0.02
END_S = 10.0
DEFAULTS: Mapping[str, float] = {"heartbeat": 2, "lease": 60, "grace": 10}


class Cluster:
    """A coordinator, and slaves by machine id. `timing`: seconds of heartbeat, lease and grace. `environment`: what a
    pipeline needs to run there."""

    def __init__(self, directory: Path, timing: Mapping[str, float] = DEFAULTS) -> None:
        directory.mkdir()
        self._directory, self._grace_s = directory, timing["grace"]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        config = directory / "empty.toml"
        config.touch()
        self.environment = {
            **os.environ,
            "PPG_COORDINATOR": self._endpoint,
            "PPG_KEYS": str(directory / "keys"),
            "PPG_CONFIG": str(config),
            "PPG_HEARTBEAT": f"{timing['heartbeat']:g}",
            "PPG_LEASE": f"{timing['lease']:g}",
        }
        self._ask("keys", self.environment["PPG_KEYS"])

    def coordinator(self) -> None:
        """Start it, maybe again, at the same address."""
        self._start("coordinator", "ppg-coordinator", "serve", "--listen", self._endpoint, "--grace", self._grace_s)

    def slave(self, machine: str, cores: int) -> None:
        """Start one."""
        self._start(machine, "ppg-slave", "--machine-id", machine, "--cores", cores)

    def status(self) -> Any:
        """As `ppg-coordinator status` tells it."""
        return json.loads(self._ask("status", "--json"))

    def settle(self, machines: int) -> None:
        """Wait until so many machines are there, and nothing of any pipegraph is left on them."""

        def idle() -> bool:
            status = self.status()
            return (
                len(status["machines"]) == machines
                and not status["pipegraphs"]
                and not status["coordinator"]["grace_s"]
            )

        until(idle, f"{machines} idle machines")

    def cpu_s(self, *names: str) -> float:
        """CPU time of these daemons, else of all; with what they started and has ended."""
        return sum(_cpu_s(self.processes[name].pid) for name in names or self.processes)

    def kill(self, name: str) -> None:
        """SIGKILL to a daemon and to everything that it started, as when a machine goes down; returns at once."""
        members = tree(self.processes[name].pid)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in members:
                _send(pid, number)
        self.processes.pop(name).wait()

    def kill_daemon(self, name: str) -> None:
        """SIGKILL to the daemon alone."""
        self.processes[name].kill()
        self.processes.pop(name).wait()

    def down(self) -> None:
        """End everything: the slaves by two signals, so that they end what they started; then the coordinator."""
        slaves = [process for name, process in self.processes.items() if name != "coordinator"]
        for process in slaves:
            process.terminate()
        for process in slaves:
            if not _ended(process, LOOK_UP_S):
                process.terminate()
        for process in [*slaves, *self.processes.values()]:
            process.terminate()
            if not _ended(process, END_S):
                process.kill()
                process.wait()
        self.processes.clear()
        self._sweep()

    def _sweep(self) -> None:
        """What killed daemons left behind ends by itself; else it is ended."""
        give_up = time.monotonic() + END_S
        while left := _processes_that_mention(str(self._directory)):
            if time.monotonic() > give_up:
                for pid in left:
                    _send(pid, signal.SIGKILL)
            time.sleep(LOOK_UP_S)

    def _start(self, name: str, program: str, *arguments: object) -> None:
        with open(self._directory / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [_program(program), *map(str, arguments)],
                env=self.environment,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _ask(self, *arguments: str) -> str:
        command = [_program("ppg-coordinator"), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")
        return done.stdout


@contextmanager
def cluster(
    directory: Path, slaves: Mapping[str, int], timing: Mapping[str, float] = DEFAULTS, grace_s: float = 0.0
) -> Iterator[Cluster]:
    """With slaves of so many cores, ready to work. `grace_s` is that of the first coordinator, which has nothing to
    learn; a later one has that of `timing`."""
    here = Cluster(directory, {**timing, "grace": grace_s})
    try:
        here.coordinator()
        for machine, cores in slaves.items():
            here.slave(machine, cores)
        here.settle(len(slaves))
        here._grace_s = timing["grace"]
        yield here
    finally:
        here.down()


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until it holds; returns what it gave."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise SystemExit(f"waited {PATIENCE_S:.0f} s in vain for {what}")
        time.sleep(LOOK_UP_S)
    return found


def _program(name: str) -> str:
    """A console script of the environment that runs this."""
    return str(Path(sys.executable).with_name(name))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _processes_that_mention(directory: str) -> list[int]:
    """In their environment; all that belongs to a cluster does so."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                text = Path(f"/proc/{name}/environ").read_bytes()
            except OSError:
                continue  # ended, or another user's
            if os.fsencode(directory) in text:
                found.append(int(name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has ended meanwhile


def _ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True
