"""Null runs of independent jobs by this engine and its two peers: all of them done already, and nothing is redone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from _comparison import head, rows
from _environments import DISTRIBUTION
from _experiment import Experiment, emptied
from _process import Cost, program, run
from _turns import in_turns


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


def beside(experiment: Experiment, peer: str, at_least: float) -> None:
    """This engine and one peer, once each; the peer must take so many times as long. Needs an option `jobs`."""
    table = []
    for jobs in experiment.options.jobs:
        with experiment.directory() as scratch:
            engines = {"ours": sys.executable} | {name: experiment.python(name) for name in experiment.peers}
            samples = in_turns(
                {name: prepared(name, python, jobs, scratch / name) for name, python in engines.items()}, 1
            )
        table += rows(jobs, samples, ("ours",))
        if peer in samples:
            ratio = samples[peer].wall_s / samples["ours"].wall_s
            what = f"{jobs:,} jobs, {DISTRIBUTION[peer]} / this engine"
            experiment.report.bound(what, ratio, at_least, at_least=True)
    experiment.report.table(head("jobs", ("ours",)), table)
    experiment.finish()


def _version(path: Path) -> tuple[int, int] | None:
    """Inode and mtime, other ones after every rewrite; None of a run without jobs."""
    if not path.exists():
        return None
    facts = os.stat(path)
    return facts.st_ino, facts.st_mtime_ns
