"""How long it takes until the first of many jobs runs: the session starts on a slave, and gets all tasks.

    python benchmarks/cluster_start_up.py [--jobs 1 10000]

From the call of `run()`: the survey of the graph, pickling (in a cluster), the share, a supervisor and its data
process, the way there, fork. Each job has a closure of its own.
"""

from __future__ import annotations

from _cluster import cluster
from _experiment import Experiment
from _process import program
from _report import seconds
from _turns import in_turns
from cluster_jobs import embedded, on


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((1, 10_000), (1, 50)))
    table = []
    with experiment.directory() as scratch, cluster(scratch / "cluster", {"a": 1}) as here:
        for jobs in experiment.options.jobs:
            command, work = program("first_job", jobs), scratch / "work"
            turns = {"embedded": embedded(command, work), "one slave": on(here, command, work, 1)}
            for name, sample in in_turns(turns, experiment.repeats).items():
                times = [seconds(sample.said(fact)) for fact in ("called_after_s", "raised_after_s")]
                table.append([f"{jobs:,}", name, *times])
    experiment.report.table(["jobs", "", "first job called after", "run() over after"], table)
    experiment.finish()


if __name__ == "__main__":
    main()
