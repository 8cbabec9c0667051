"""A chain, in which each job depends on the one before, beside as many independent jobs; both on one core.

    python benchmarks/chain.py [--jobs 1000 10000]

Cold, then with nothing to do. 10,000 jobs are measured once.
"""

from __future__ import annotations

from _comparison import head, rows
from _experiment import Experiment, emptied
from _process import program, run
from _turns import in_turns

ONCE_FROM = 10_000
AGAINST = ("independent",)


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((1000, 10_000), (20,)))
    table = []
    for jobs in experiment.options.jobs:
        table += measure(experiment, jobs)
    experiment.report.table(head("jobs", AGAINST), table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> list[list[str]]:
    repeats = experiment.repeats if jobs < ONCE_FROM else 1
    commands = {"independent": program("independent", "ours", jobs, "--cores", 1), "chain": program("chain", jobs)}
    with experiment.directory() as scratch:
        cold = in_turns(
            {name: lambda name=name: run(commands[name], emptied(scratch / name)) for name in commands}, repeats
        )
        null = in_turns({name: lambda name=name: run(commands[name], scratch / name) for name in commands}, repeats)
    bounded = f"{jobs:,} jobs, chain / independent"
    experiment.report.bound(bounded, cold["chain"].wall_s / cold["independent"].wall_s, 1.5)
    again = {f"{name}, null": sample for name, sample in null.items()}
    return rows(jobs, cold, AGAINST) + rows(jobs, again, ("independent, null",))


if __name__ == "__main__":
    main()
