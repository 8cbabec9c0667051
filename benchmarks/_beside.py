"""This engine and one peer, once each: for what takes a peer so long that each has an experiment of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from _comparison import head, rows
from _environments import DISTRIBUTION
from _experiment import Experiment
from _process import Cost
from _turns import in_turns

Start = Callable[[str, str, int, Path], Callable[[], Cost]]
"""Of an engine, its Python, a number of jobs and a directory: what is measured."""


def beside(experiment: Experiment, peer: str, start: Start, at_least: float) -> None:
    """The peer must take so many times as long. Needs an option `jobs`."""
    table = []
    for jobs in experiment.options.jobs:
        with experiment.directory() as scratch:
            engines = {"ours": sys.executable} | {name: experiment.python(name) for name in experiment.peers}
            samples = in_turns({name: start(name, python, jobs, scratch / name) for name, python in engines.items()}, 1)
        table += rows(jobs, samples, ("ours",))
        if peer in samples:
            ratio = samples[peer].wall_s / samples["ours"].wall_s
            what = f"{jobs:,} jobs, {DISTRIBUTION[peer]} / this engine"
            experiment.report.bound(what, ratio, at_least, at_least=True)
    experiment.report.table(head("jobs", ("ours",)), table)
    experiment.finish()
