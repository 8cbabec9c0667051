"""Null runs of independent jobs by this engine or a peer: all of them done already, and nothing is redone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from _experiment import emptied
from _process import Cost, program, run


def prepared(engine: str, python: str, jobs: int, work: Path) -> Callable[[], Cost]:
    """Runs after which every file is the very one that was there before."""
    emptied(work)
    run(program("prepared", engine, jobs, python=python), work)
    return untouched(program("independent", engine, jobs, python=python), work)


def untouched(command: list[str], work: Path) -> Callable[[], Cost]:
    """A run that may not redo anything."""
    before = _version(work / "out_0.txt")

    def null_run() -> Cost:
        cost = run(command, work)
        if _version(work / "out_0.txt") != before:
            sys.exit(f"{' '.join(command)}: not a null run, out_0.txt was made again")
        return cost

    return null_run


def _version(path: Path) -> tuple[int, int] | None:
    """Inode and mtime, other ones after every rewrite; None of a run without jobs."""
    if not path.exists():
        return None
    facts = os.stat(path)
    return facts.st_ino, facts.st_mtime_ns
