"""What a trivial job costs in a cluster: two slaves of one core each, beside the embedded mode with two cores.

    python benchmarks/cluster_jobs.py [--jobs 2000] [--no-peers]

Whole processes; and *each*, what one job more costs: a run of 20 jobs, which has all that a start costs, is taken off.
CPU time has that of the daemons and of all that they started. Dask: two worker processes of one thread each, which run
tasks one after the other in themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from _cluster import Cluster, cluster
from _comparison import each, shown
from _experiment import Experiment, emptied
from _process import Cost, program, run
from _report import seconds
from _turns import Sample, in_turns

FEW = 20
SLAVES = {"a": 1, "b": 1}
CLUSTER, EMBEDDED, DASK = "two slaves", "embedded", "dask"


def main() -> None:
    experiment = Experiment(__file__, __doc__, ("dask",), repeats=5, jobs=((2000,), (30,)))
    table = []
    for jobs in experiment.options.jobs:
        samples = measure(experiment, jobs)
        more_s = {name: _more_s(samples, name, jobs) for name in (EMBEDDED, CLUSTER, DASK) if (name, jobs) in samples}
        cpu_s = {name: _cpu_s(samples, name, jobs) for name in more_s}
        for name, one_s in more_s.items():
            whole = samples[name, jobs]
            ratio = f"{one_s / more_s[EMBEDDED]:.2f} ({cpu_s[name] / cpu_s[EMBEDDED]:.2f})"
            wall = [seconds(samples[name, FEW].wall_s), seconds(whole.wall_s)]
            table.append([f"{jobs:,}", shown(name), *wall, each(one_s, 1), each(cpu_s[name], 1), ratio])
        bound = f"{jobs:,} jobs, one job more on two slaves / embedded"
        experiment.report.bound(bound, more_s[CLUSTER] / more_s[EMBEDDED], 1.3)
    head = ["jobs", "", f"{FEW} jobs", "wall", "each", "CPU each", "x embedded (CPU)"]
    experiment.report.table(head, table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> dict[tuple[str, int], Sample]:
    with experiment.directory() as scratch, cluster(scratch / "cluster", SLAVES) as here:
        contestants: dict[tuple[str, int], Callable[[], Cost]] = {}
        for size in (FEW, jobs):
            command = program("independent", "ours", size, "--cores", len(SLAVES))
            contestants[EMBEDDED, size] = embedded(command, scratch / "work")
            contestants[CLUSTER, size] = on(here, command, scratch / "work", len(SLAVES))
            if DASK in experiment.peers:
                task = program("dask_independent", size, python=experiment.python(DASK))
                contestants[DASK, size] = embedded(task, scratch / "work")
        return in_turns(contestants, experiment.repeats)


def embedded(command: list[str], work: Path) -> Callable[[], Cost]:
    """In an empty directory every time."""
    return lambda: run(command, emptied(work))


def on(here: Cluster, command: list[str], work: Path, machines: int) -> Callable[[], Cost]:
    """Likewise, in the cluster; the CPU time that it took there is added."""

    def contestant() -> Cost:
        before_s = here.cpu_s()
        cost = run(command, emptied(work), environment=here.environment)
        here.settle(machines)
        return Cost(cost.wall_s, cost.cpu_s + here.cpu_s() - before_s, cost.said)

    return contestant


def _more_s(samples: dict[tuple[str, int], Sample], name: str, jobs: int) -> float:
    return (samples[name, jobs].wall_s - samples[name, FEW].wall_s) / (jobs - FEW)


def _cpu_s(samples: dict[tuple[str, int], Sample], name: str, jobs: int) -> float:
    return (samples[name, jobs].cpu_s - samples[name, FEW].cpu_s) / (jobs - FEW)


if __name__ == "__main__":
    main()
