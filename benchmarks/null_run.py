"""Null runs: independent FileGeneratingJobs with a callback each, all of them done already.

    python benchmarks/null_run.py [--jobs 1000 10000 100000] [--no-peers]

The floor makes a slotted object per job, stats its file and reads its row from SQLite. The state is prepared by
adoption (see programs/prepared.py); of Snakemake and ninja by a cold run. null_run_original.py and
null_run_successor.py have the two peers at 100,000 jobs, whose state takes minutes to prepare.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from _comparison import head, rows
from _environments import ENGINES
from _experiment import Experiment, emptied
from _makers import ninja_command, snakemake_command
from _null import prepared, untouched
from _process import Cost, program, run
from _turns import Sample, in_turns

JOBS_MAX = {"snakemake": 1000, "ninja": 10_000, "original": 10_000, "successor": 10_000}
AGAINST = ("floor", "ours")


def main() -> None:
    peers = (*ENGINES, "snakemake", "ninja")
    experiment = Experiment(__file__, __doc__, peers, jobs=((1000, 10_000, 100_000), (50,)))
    table = []
    for jobs in experiment.options.jobs:
        samples = measure(experiment, jobs)
        table += rows(jobs, samples, AGAINST)
        if jobs == 100_000:
            ratio = samples["ours"].wall_s / samples["floor"].wall_s
            experiment.report.bound("100,000 jobs, this engine / floor", ratio, 3)
    experiment.report.table(head("jobs", AGAINST), table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> dict[str, Sample]:
    with experiment.directory() as scratch:
        own = {
            "floor": floor(jobs, scratch / "floor"),
            "ours": prepared("ours", sys.executable, jobs, scratch / "ours"),
        }
        peers = {peer: peer_run(experiment, peer, jobs, scratch / peer) for peer in taking_part(experiment, jobs)}
        return in_turns(own | peers, experiment.repeats)


def taking_part(experiment: Experiment, jobs: int) -> list[str]:
    return [peer for peer in experiment.peers if jobs <= JOBS_MAX.get(peer, jobs)]


def floor(jobs: int, work: Path) -> Callable[[], Cost]:
    emptied(work)
    run(program("floor_null", jobs, "--prepare"), work)
    return lambda: run(program("floor_null", jobs), work)


def peer_run(experiment: Experiment, peer: str, jobs: int, work: Path) -> Callable[[], Cost]:
    if peer in ENGINES:
        return prepared(peer, experiment.python(peer), jobs, work)
    make_command = snakemake_command if peer == "snakemake" else ninja_command
    command = make_command(experiment.peers[peer], emptied(work), jobs)
    run(command, work)
    return untouched(command, work)


if __name__ == "__main__":
    main()
