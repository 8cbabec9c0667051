"""What the stories about the status store share: a path, a way to record a job, and other processes to meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ppg_mcp.store import Input, StatusStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".pypipegraph_status_robust"


@pytest.fixture
def path_in_memory() -> Iterator[Path]:
    """For stores that are opened thousands of times, which wait for nothing but the disk."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK | os.X_OK) else None) as folder:
        yield Path(folder) / ".pypipegraph_status_robust"


@pytest.fixture
def record_job() -> Callable[..., None]:
    """Record a job with made-up facts; keywords replace some of them."""

    def record(store: StatusStore, job_id: str, **facts: object) -> None:
        values: dict[str, object] = {
            "build_id": b"b" * 16,
            "inputs": [Input("PIp", b"s" * 16, b"c" * 16)],
            "inputs_strict": b"S" * 16,
            "inputs_content": b"C" * 16,
            "files": b"f" * 41,
            "runtime_s": 1.5,
            "peak_rss_bytes": 10**8,
            "cores": 1,
            "host": "here",
            "finished_at": 1.8e9,
        }
        store.record(job_id, **{**values, **facts})  # type: ignore[arg-type]

    return record


class Other:
    """A Python process that runs a script and talks by lines."""

    def __init__(self, script: str, *arguments: object) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def reads(self) -> str:
        """Its next line, "" at its end."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def says(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def start() -> Iterator[Callable[..., Other]]:
    """Start other processes; all are gone after the test."""
    others: list[Other] = []

    def run(script: str, *arguments: object) -> Other:
        others.append(Other(script, *arguments))
        return others[-1]

    yield run
    for other in others:
        other.end()
