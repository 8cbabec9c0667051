"""Cold runs of trivial jobs: what a job costs beyond a process of its own.

    python benchmarks/cold_run.py [--jobs 1000 10000] [--no-peers]

The floor is a loop of fork, write the file, os._exit, wait, with as many in flight as there are cores and the same
modules imported. From 10,000 jobs on, everything is measured once; Snakemake takes part up to 1,000.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from _comparison import head, rows
from _experiment import Experiment, emptied
from _makers import snakemake_command
from _process import Cost, program, run
from _turns import Sample, in_turns

JOBS_MAX = {"snakemake": 1000, "original": 10_000, "successor": 10_000}
ONCE_FROM = 10_000
AGAINST = ("floor", "ours")


def main() -> None:
    experiment = Experiment(__file__, __doc__, tuple(JOBS_MAX), jobs=((1000, 10_000), (20,)))
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
        contestants = {
            "floor": fresh(program("floor_cold", jobs), scratch / "work"),
            "ours": fresh(program("independent", "ours", jobs), scratch / "work"),
        }
        for peer, programs in experiment.peers.items():
            if jobs > JOBS_MAX[peer]:
                continue
            if peer == "snakemake":
                contestants[peer] = fresh_snakemake(programs, scratch / "work", jobs)
            else:
                command = program("independent", peer, jobs, python=experiment.python(peer))
                contestants[peer] = fresh(command, scratch / "work")
        return in_turns(contestants, experiment.repeats if jobs < ONCE_FROM else 1)


def fresh(command: list[str], work: Path) -> Callable[[], Cost]:
    return lambda: run(command, emptied(work))


def fresh_snakemake(programs: Path, work: Path, jobs: int) -> Callable[[], Cost]:
    return lambda: run(snakemake_command(programs, emptied(work), jobs), work)


if __name__ == "__main__":
    main()
