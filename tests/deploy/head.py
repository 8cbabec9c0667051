"""A coordinator with its keys, as the head node of a cluster has it, and pipelines that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .waiting import PATIENCE_S, free_port, wait_for

BIN = Path(sys.executable).parent
QUICK = {"PPG_HEARTBEAT": "0.2", "PPG_SILENCE": "2", "PPG_LEASE": "4", "PPG_GRACE": "0"}


class Head:
    """Use the fixture of the same name. `directory`: keys, logs and projects of this test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.variables = {
            **QUICK,
            "PPG_COORDINATOR": f"tcp://127.0.0.1:{free_port()}",
            "PPG_KEYS": str(directory / "keys"),
            "PPG_BIN": str(BIN),
        }
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}

    def begin(self) -> None:
        """Make the keys and start the coordinator."""
        subprocess.run([BIN / "ppg-coordinator", "keys", self.variables["PPG_KEYS"]], check=True, capture_output=True)
        self._start("coordinator", [BIN / "ppg-coordinator", "serve", "--listen", self.variables["PPG_COORDINATOR"]])
        wait_for(lambda: self._status().returncode == 0, self.log)

    def end(self) -> None:
        """End what was started here, by pid."""
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pipeline(self, script: str, name: str = "pipeline") -> subprocess.Popen[bytes]:
        """Start a script in `directory`, whose output goes to a log there."""
        (self.directory / f"{name}.py").write_text(script)
        return self._start(name, [sys.executable, f"{name}.py"])

    def _start(self, name: str, command: list[str | Path]) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._started.append(process)
        return process

    def log(self) -> str:
        """Ends of all logs."""
        return "\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in sorted(self.directory.rglob("*.log")))

    def _status(self) -> subprocess.CompletedProcess[str]:
        command = [BIN / "ppg-coordinator", "status", "--json", "--timeout", f"{PATIENCE_S:g}"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)

    def status(self) -> dict[str, Any]:
        """As `ppg-coordinator status --json` shows it."""
        done = self._status()
        assert done.returncode == 0, done.stderr + self.log()
        return dict(json.loads(done.stdout))
