"""64 jobs that sleep, with 64 cores claimed: how soon are all of them started? None may wait for another's end.

    python benchmarks/claimed_cores.py [--jobs 64]

From the call of `run()` until the last callback began; the jobs sleep much longer.
"""

from __future__ import annotations

from _experiment import Experiment, emptied
from _process import program, run
from _report import seconds
from _turns import in_turns

SLEEP_S = 3


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((64,), (8,)))
    table = []
    for jobs in experiment.options.jobs:
        with experiment.directory() as scratch:
            turns = {"ours": lambda jobs=jobs: run(program("claimed", jobs, SLEEP_S), emptied(scratch / "work"))}
            sample = in_turns(turns, experiment.repeats)["ours"]
        first_s, all_s = sample.said("first_started_s"), sample.said("all_started_s")
        table.append([f"{jobs}", seconds(first_s), seconds(all_s)])
        experiment.report.bound(f"{jobs} jobs started", all_s, 0.5, unit=" s")
    experiment.report.table(["jobs", "first started after", "all started after"], table)
    experiment.finish()


if __name__ == "__main__":
    main()
