"""Running an example script in a process of its own, and looking at what it left."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PHAGE = EXAMPLES / "lambda_phage"
RUN_LIMIT_S = 180
ATTEMPTS = 5
FEWER = ("--reads", "4000", "--rounds", "100", "--quiet")
"""Enough reads for some variants to be found, few enough for a run to take seconds."""


def environment() -> dict[str, str]:
    """Without .pyc files: an edited script must never meet the compiled form of the one before."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def run_script(script: Path, *options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), *options]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=RUN_LIMIT_S)


@dataclass
class PhageRuns:
    """Runs of one copy of the pipeline into one output directory."""

    output: Path
    script: Path = PHAGE / "pipeline.py"
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def attempt(self, *options: str) -> subprocess.CompletedProcess[str]:
        return run_script(self.script, "--output", str(self.output), *FEWER, *options, cwd=self.output.parent)

    def run(self, *options: str) -> str:
        """What a successful run printed."""
        done = self.attempt(*options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def redone(self, *options: str) -> set[str]:
        """The files that a run made or made anew."""
        before = self.versions()
        self.run(*options)
        return {name for name, version in self.versions().items() if version != before.get(name)}

    def kill_when(self, condition: Callable[[], bool]) -> None:
        """Start the script and SIGKILL it as soon as the condition holds; from the beginning if that came too late."""
        for _ in range(ATTEMPTS):
            if self._killed_when(condition):
                return
            shutil.rmtree(self.output)
        raise AssertionError(f"{ATTEMPTS} times it was over before it could be killed")

    def _killed_when(self, condition: Callable[[], bool]) -> bool:
        command = [sys.executable, str(self.script), "--output", str(self.output), *FEWER]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as mcp:
            deadline = time.monotonic() + RUN_LIMIT_S
            while not condition() and mcp.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            mcp.kill()
        assert mcp.returncode in (0, -9)
        return mcp.returncode == -9

    def files(self) -> dict[str, Path]:
        """What jobs made, by name; without the report, which every run writes."""
        found = {str(path.relative_to(self.output)): path for path in sorted(self.output.rglob("*")) if path.is_file()}
        skipped = ("logs/", ".", "report.txt")
        return {name: path for name, path in found.items() if not name.startswith(skipped)}

    def versions(self) -> dict[str, tuple[int, int]]:
        """Inode and mtime by name. After a kill, files may vanish while one looks."""
        versions = {}
        for name, path in self.files().items():
            with suppress(FileNotFoundError):
                status = path.stat()
                versions[name] = (status.st_ino, status.st_mtime_ns)
        return versions

    def contents(self) -> dict[str, str]:
        """Digests of everything a user would look at: the report, but not the cache."""
        files = {**self.files(), "report.txt": self.output / "report.txt"}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in files.items()
            if not name.startswith("cache/")
        }
