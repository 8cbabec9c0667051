"""SIGKILL any set of processes at any moment, flip parameters, restart: see `rounds`. `make fuzz` plays for longer.

What a seed finds becomes a story of its own (in `store`, `ppg_cs`, `engine.failure`), since a seed means another round
whenever the drawing of graphs changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_claim_holds_for_dozens_of_rounds() -> None:
    """In a process of its own, without threads, from which runs can be forked."""
    workers = min(4, os.cpu_count() or 1)
    options = ["--rounds", "40", "--workers", str(workers)]
    command = [sys.executable, "-B", "-m", "crash.fuzz", *options]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
