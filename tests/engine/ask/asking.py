"""`python -m pypipegraph` in a process of its own, as from a second terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..scripts import PATIENCE_S


@dataclass(frozen=True)
class Asked:
    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The answer, when `--json` was asked for."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def ask(*arguments: str, cwd: Path | None = None) -> Asked:
    """Run the command."""
    command = [sys.executable, "-m", "pypipegraph", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    return Asked(done.returncode, done.stdout, done.stderr)


def answer(*arguments: str, **options: Any) -> dict[str, Any]:
    """What a question that must be answered is answered, as data."""
    asked = ask(*arguments, "--json", **options)
    assert asked.code == 0, asked
    return asked.data
