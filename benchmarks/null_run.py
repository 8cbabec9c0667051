"""Null runs: independent FileGeneratingJobs with a callback each, all of them done already.

    python benchmarks/null_run.py [--jobs 1000 10000 100000] [--no-peers]

The floor makes a slotted object per job, stats its file and reads its row from SQLite. The state is prepared by
adoption (see programs/prepared.py); of Snakemake and ninja by a cold run. At 100,000 jobs the peers are measured once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from _comparison import head, rows
from _environments import DISTRIBUTION, ENGINES
from _experiment import Experiment, emptied
from _makers import ninja_command, snakemake_command
from _process import Cost, program, run
from _turns import Sample, in_turns

JOBS_MAX = {"snakemake": 1000, "ninja": 10_000}
ONCE_FROM = 100_000
AGAINST = ("floor", "ours")


def main() -> None:
    peers = (*ENGINES, "snakemake", "ninja")
    experiment = Experiment(__file__, __doc__, peers, jobs=((1000, 10_000, 100_000), (50,)))
    table = []
    for jobs in experiment.options.jobs:
        samples = measure(experiment, jobs)
        table += rows(jobs, samples, AGAINST)
        if jobs == 100_000:
            bounds(experiment, samples)
    experiment.report.table(head("jobs", AGAINST), table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> dict[str, Sample]:
    with experiment.directory() as scratch:
        own = {
            "floor": floor(jobs, scratch / "floor"),
            "ours": prepared("ours", sys.executable, jobs, scratch / "ours"),
        }
        peers = {peer: peer_run(experiment, peer, jobs, scratch / peer) for peer in taking_part(experiment, jobs)}
        if jobs < ONCE_FROM:
            return in_turns(own | peers, experiment.repeats)
        return in_turns(own, experiment.repeats) | in_turns(peers, 1)


def taking_part(experiment: Experiment, jobs: int) -> list[str]:
    return [peer for peer in experiment.peers if jobs <= JOBS_MAX.get(peer, jobs)]


def floor(jobs: int, work: Path) -> Callable[[], Cost]:
    emptied(work)
    run(program("floor_null", jobs, "--prepare"), work)
    return lambda: run(program("floor_null", jobs), work)


def prepared(engine: str, python: str, jobs: int, work: Path) -> Callable[[], Cost]:
    """Runs after which every file is the very one that was there before."""
    emptied(work)
    run(program("prepared", engine, jobs, python=python), work)
    return untouched(program("independent", engine, jobs, python=python), work)


def peer_run(experiment: Experiment, peer: str, jobs: int, work: Path) -> Callable[[], Cost]:
    if peer in ENGINES:
        return prepared(peer, experiment.python(peer), jobs, work)
    make_command = snakemake_command if peer == "snakemake" else ninja_command
    command = make_command(experiment.peers[peer], emptied(work), jobs)
    run(command, work)
    return untouched(command, work)


def untouched(command: list[str], work: Path) -> Callable[[], Cost]:
    """A run that may not redo anything."""
    before = version(work / "out_0.txt")

    def null_run() -> Cost:
        cost = run(command, work)
        if version(work / "out_0.txt") != before:
            sys.exit(f"{' '.join(command)}: not a null run, out_0.txt was made again")
        return cost

    return null_run


def version(path: Path) -> tuple[int, int] | None:
    """Inode and mtime, other ones after every rewrite; None of a run without jobs."""
    if not path.exists():
        return None
    facts = os.stat(path)
    return facts.st_ino, facts.st_mtime_ns


def bounds(experiment: Experiment, samples: dict[str, Sample]) -> None:
    ours = samples["ours"].wall_s
    experiment.report.bound("100,000 jobs, this engine / floor", ours / samples["floor"].wall_s, 3)
    for peer, limit in (("original", 4), ("successor", 12)):
        if peer in samples:
            what = f"100,000 jobs, {DISTRIBUTION[peer]} / this engine"
            experiment.report.bound(what, samples[peer].wall_s / ours, limit, at_least=True)


if __name__ == "__main__":
    main()
