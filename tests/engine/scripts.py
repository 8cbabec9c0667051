"""Pipegraphs in processes of their own: to be killed, interrupted, or watched from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0
"""Far more than anything takes on a machine with other work; only what fails waits for so long."""
PRELUDE = """
import os, signal, sys, time
from pathlib import Path
import pypipegraph as ppg

def tell(word, name="calls"):
    fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, f"{word}\\n".encode())
    os.close(fd)

def write(text="x"):
    def callback(path):
        Path(path).write_text(text)
    return callback

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.002)
"""


def until(condition: Callable[[], Any], what: str = "the condition", patience_s: float = PATIENCE_S) -> Any:
    """Poll until the condition gives something true; returns that."""
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for {what}"
        time.sleep(0.002)
    return value


class Scripts:
    """Starts scripts in the project's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefix: list[str] = []
        """What runs the interpreter."""
        self._started: list[subprocess.Popen[str]] = []

    def write(self, text: str, name: str = "script.py") -> Path:
        path = self.path / name
        path.write_text(PRELUDE + text)
        return path

    def start(self, text: str, name: str = "script.py", **options: Any) -> subprocess.Popen[str]:
        """Popen of the script, in a process group of its own."""
        command = [*self.prefix, sys.executable, str(self.write(text, name))]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **streams.pop("more_env", {})}
        process = subprocess.Popen(
            command, cwd=self.path, env=environment, text=True, start_new_session=True, **streams
        )
        self._started.append(process)
        return process

    def adopt(self, process: subprocess.Popen[str]) -> None:
        """End this one, too, at the end of the test."""
        self._started.append(process)

    def run(self, text: str, name: str = "script.py", **options: Any) -> subprocess.CompletedProcess[str]:
        """Start and wait; the return code is the caller's to look at."""
        process = self.start(text, name, **options)
        out, err = process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def good(self, text: str, name: str = "script.py", **options: Any) -> str:
        """What a script that ends well printed to its standard output."""
        done = self.run(text, name, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        kill(self.processes())

    def processes(self) -> list[int]:
        """Living processes of runs in this project: PPG_SESSION in the environment and this working directory."""
        return [pid for pid in pids_below(self.path) if pid not in {p.pid for p in self._started} | {os.getpid()}]


def kill(pids: Iterable[int]) -> None:
    """SIGKILL for all of them. As processes of a run die with their parents, some may be gone when it is their turn."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_at_once(pids: Iterable[int]) -> None:
    """The same, and none of them sees another die, which it would act upon: all are stopped before.

    Children must come before their parents, as `family` gives them: a stopped process whose parent ends is woken by the
    kernel when that orphans its group, and would do its duty before it is killed.
    """
    pids = list(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    kill(pids)


def pids_below(path: Path) -> list[int]:
    """Living processes whose working directory is `path`."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.readlink(f"/proc/{name}/cwd") == str(path):
                    found.append(int(name))
            except OSError:
                continue
    return found


def session_pids(session: str) -> list[int]:
    """Living processes with this PPG_SESSION in their environment (which exec'ed programs show)."""
    needle = f"PPG_SESSION={session}".encode()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if needle in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                continue
    return found


def frames(stderr: str) -> list[str]:
    """The functions that a traceback shows, the script's own first."""
    return [line.rpartition(", in ")[2] for line in stderr.splitlines() if line.startswith("  File ")]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Pids of the children of a process."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []


def family(pid: int) -> list[int]:
    """Pids of a process and all its descendants, children before their parents."""
    return [member for child in children(pid) for member in family(child)] + [pid]
