"""The status store: 100,000 rows written, opened, loaded, closed; and its share of a cold run.

    python benchmarks/status_store.py [--rows 100000] [--batch 64] [--jobs 1000]

The share is what the master spends in commits, fsyncs included, and in filling the store's buffers.
"""

from __future__ import annotations

from _comparison import each
from _experiment import Experiment, emptied
from _process import program, run
from _report import seconds
from _turns import Sample, in_turns

STEPS = {
    "write": "tombstones and records, committed in batches",
    "close": "close",
    "open": "open",
    "load": "load",
    "first_file": "read the file of each row",
    "write_inputs": "one row with 100,000 inputs: write",
    "read_inputs": "the same: read",
}


def main() -> None:
    experiment = Experiment(__file__, __doc__, rows=((100_000,), (500,)), batch=((64,), (64,)), jobs=((1000,), (20,)))
    for rows in experiment.options.rows:
        for batch in experiment.options.batch:
            steps(experiment, rows, batch)
    for jobs in experiment.options.jobs:
        share(experiment, jobs)
    experiment.finish()


def steps(experiment: Experiment, rows: int, batch: int) -> None:
    sample = measured(experiment, "store_rows", rows, batch)
    table = [[text, seconds(sample.said(f"{step}_s"))] for step, text in STEPS.items()]
    table.append(["bytes a row", f"{sample.said('bytes_per_row'):.0f}"])
    experiment.report.table([f"{rows:,} rows, batches of {batch}", ""], table)


def share(experiment: Experiment, jobs: int) -> None:
    sample = measured(experiment, "commits", jobs)
    run_s, commit_s = sample.said("run_s"), sample.said("commit_s")
    parts_s = {
        "run()": run_s,
        "commits": commit_s,
        "commits, CPU": sample.said("commit_cpu_s"),
        "filling the buffers": sample.said("buffer_s"),
    }
    table = [
        [name, seconds(value_s), each(value_s, jobs), f"{100 * value_s / run_s:.1f} %"]
        for name, value_s in parts_s.items()
    ]
    experiment.report.table([f"cold run of {jobs:,} jobs", "", "each", "share"], table)
    commits, fsyncs = sample.said("commits"), sample.said("fsyncs")
    count = [f"{commits:.0f}", f"{fsyncs:.0f}", f"{jobs / commits:.1f}", f"{1e3 * run_s / commits:.0f} ms"]
    experiment.report.table(["commits", "with an fsync", "jobs in each", "one in"], [count])
    experiment.report.bound("share of commits in a cold run", 100 * commit_s / run_s, 2, unit=" %")


def measured(experiment: Experiment, name: str, *arguments: int) -> Sample:
    with experiment.directory() as scratch:
        turns = {name: lambda: run(program(name, *arguments), emptied(scratch / "work"))}
        return in_turns(turns, experiment.repeats)[name]


if __name__ == "__main__":
    main()
