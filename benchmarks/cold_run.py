"""Cold runs of 1,000 trivial jobs: what a job costs beyond a process of its own.

    python benchmarks/cold_run.py [--jobs 1000] [--no-peers]

The floor is a loop of fork, write the file, os._exit, wait, with as many in flight as there are cores and the same
modules imported: those that a job of the engine finds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from _comparison import head, rows
from _environments import ENGINES
from _experiment import Experiment, emptied
from _makers import snakemake_command
from _process import Cost, program, run
from _turns import Sample, in_turns

AGAINST = ("floor", "ours")


def main() -> None:
    compare(Experiment(__file__, __doc__, (*ENGINES, "snakemake"), jobs=((1000,), (20,))))


def compare(experiment: Experiment) -> None:
    table = []
    for jobs in experiment.options.jobs:
        samples = measure(experiment, jobs)
        table += rows(jobs, samples, AGAINST)
        ours, floor = samples["ours"], samples["floor"]
        experiment.report.bound(f"{jobs:,} jobs, this engine / floor", ours.wall_s / floor.wall_s, 1.5)
        experiment.report.bound(f"{jobs:,} jobs, CPU of this engine / of the floor", ours.cpu_s / floor.cpu_s, 1.5)
    experiment.report.table(head("jobs", AGAINST), table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> dict[str, Sample]:
    with experiment.directory() as scratch:
        work, modules = scratch / "work", scratch / "modules"
        run(program("independent", "ours", 0, "--modules", modules), emptied(work))
        contestants = {
            "floor": fresh(program("floor_cold", jobs, modules), work),
            "ours": cold("ours", sys.executable, jobs, work),
        }
        for peer, programs in experiment.peers.items():
            if peer in ENGINES:
                contestants[peer] = cold(peer, experiment.python(peer), jobs, work)
            else:
                contestants[peer] = fresh_snakemake(programs, work, jobs)
        return in_turns(contestants, experiment.repeats)


def cold(engine: str, python: str, jobs: int, work: Path) -> Callable[[], Cost]:
    return fresh(program("independent", engine, jobs, python=python), work)


def fresh(command: list[str], work: Path) -> Callable[[], Cost]:
    """In an empty directory every time."""
    return lambda: run(command, emptied(work))


def fresh_snakemake(programs: Path, work: Path, jobs: int) -> Callable[[], Cost]:
    return lambda: run(snakemake_command(programs, emptied(work), jobs), work)


if __name__ == "__main__":
    main()
