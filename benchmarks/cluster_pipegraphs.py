"""Jobs per second through one coordinator: ten pipegraphs at once on two slaves of one core each, beside one with as
many jobs.

    python benchmarks/cluster_pipegraphs.py [--jobs 2000] [--pipegraphs 10]

Trivial jobs, whole processes. The coordinator's CPU time is in the last column: it is asked for shares, not for jobs.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _cluster import Cluster, cluster
from _experiment import Experiment, emptied
from _process import Cost, program, run
from _report import seconds
from _turns import in_turns

SLAVES = {"a": 1, "b": 1}


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((2000,), (20,)), pipegraphs=((10,), (2,)))
    (jobs,), (pipegraphs,) = experiment.options.jobs, experiment.options.pipegraphs
    table = []
    with experiment.directory() as scratch, cluster(scratch / "cluster", SLAVES) as here:
        turns = {count: lambda count=count: together(here, scratch / "work", count, jobs) for count in (1, pipegraphs)}
        for count, sample in in_turns(turns, experiment.repeats).items():
            per_s = f"{jobs / sample.wall_s:,.0f}"
            of_coordinator = f"{1e6 * sample.said('coordinator_s') / jobs:.0f} us"
            table.append([f"{count}", f"{jobs // count:,}", seconds(sample.wall_s), per_s, of_coordinator])
    head = ["pipegraphs", "jobs of each", "wall", "jobs per second", "coordinator's CPU per job"]
    experiment.report.table(head, table)
    experiment.finish()


def together(here: Cluster, work: Path, pipegraphs: int, jobs: int) -> Cost:
    """All at once, until the last has ended."""
    directories = [emptied(work / f"{number}") for number in range(pipegraphs)]
    command = program("independent", "ours", jobs // pipegraphs)
    before_s, coordinator_s = here.cpu_s(), here.cpu_s("coordinator")
    began = time.perf_counter()
    with ThreadPoolExecutor(pipegraphs) as threads:
        costs = list(threads.map(lambda path: run(command, path, environment=here.environment), directories))
    wall_s = time.perf_counter() - began
    here.settle(len(SLAVES))
    cpu_s = sum(cost.cpu_s for cost in costs) + here.cpu_s() - before_s
    return Cost(wall_s, cpu_s, {"coordinator_s": here.cpu_s("coordinator") - coordinator_s})


if __name__ == "__main__":
    main()
