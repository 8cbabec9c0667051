"""The round trip of one job: a chain, in which each waits for the one before, on one slave of one core.

    python benchmarks/cluster_round_trip.py [--jobs 500] [--no-peers]

From a job's end over its commit, the dispatch of the next and that one's tombstone to the next end, beside the embedded
mode and Dask (two workers of one thread each). *Each* is what one job more costs than a chain of 20.
"""

from __future__ import annotations

from collections.abc import Callable

from _cluster import cluster
from _comparison import each, shown
from _experiment import Experiment
from _process import Cost, program
from _report import seconds
from _turns import Sample, in_turns
from cluster_jobs import DASK, EMBEDDED, FEW, embedded, on

SLAVE = "one slave"


def main() -> None:
    experiment = Experiment(__file__, __doc__, ("dask",), repeats=3, jobs=((500,), (25,)))
    table = []
    for jobs in experiment.options.jobs:
        samples = measure(experiment, jobs)
        for name in (EMBEDDED, SLAVE, DASK):
            if (name, jobs) in samples:
                few_s, wall_s = samples[name, FEW].wall_s, samples[name, jobs].wall_s
                table.append(
                    [f"{jobs:,}", shown(name), seconds(few_s), seconds(wall_s), each(wall_s - few_s, jobs - FEW)]
                )
    experiment.report.table(["jobs", "", f"{FEW} jobs", "wall", "each"], table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> dict[tuple[str, int], Sample]:
    with experiment.directory() as scratch, cluster(scratch / "cluster", {"a": 1}) as here:
        contestants: dict[tuple[str, int], Callable[[], Cost]] = {}
        for size in (FEW, jobs):
            contestants[EMBEDDED, size] = embedded(program("chain", size), scratch / "work")
            contestants[SLAVE, size] = on(here, program("chain", size), scratch / "work", 1)
            if DASK in experiment.peers:
                task = program("dask_independent", size, "--chain", python=experiment.python(DASK))
                contestants[DASK, size] = embedded(task, scratch / "work")
        return in_turns(contestants, experiment.repeats)


if __name__ == "__main__":
    main()
