"""1,000 jobs over 2 GB of small Python objects, 18 million lists, each job touching one percent of them.

    python benchmarks/small_objects.py [--jobs 1000] [--lists 18000000] [--no-peers]

Compared are the times from the first output to the last: start-up and load are not in them. Then a run of this engine
with 20 jobs that stay for a second, in which the PSS of all its processes is summed while jobs run, beside a bare
process that holds the same data: how many copies are there?
"""

from __future__ import annotations

import statistics
import sys

from _comparison import each, shown
from _environments import ENGINES
from _experiment import Experiment, emptied
from _memory import PssWatch
from _process import program, run
from _report import ratio, seconds
from _turns import in_turns

STAYING_JOBS, STAY_S = 20, 1


def main() -> None:
    experiment = Experiment(
        __file__, __doc__, ENGINES, repeats=1, jobs=((1000,), (20,)), lists=((18_000_000,), (900_000,))
    )
    for jobs in experiment.options.jobs:
        for lists in experiment.options.lists:
            compare_time(experiment, jobs, lists)
            compare_memory(experiment, lists)
    experiment.finish()


def compare_time(experiment: Experiment, jobs: int, lists: int) -> None:
    pythons = {"ours": sys.executable, **{peer: experiment.python(peer) for peer in experiment.peers}}
    with experiment.directory() as scratch:
        turns = {
            name: lambda name=name: run(
                program("loaded", name, "lists", lists, jobs, python=pythons[name]), emptied(scratch / "work")
            )
            for name in pythons
        }
        spans_s = {name: sample.said("span_s") for name, sample in in_turns(turns, experiment.repeats).items()}
    rows = [
        [
            shown(name),
            seconds(span_s),
            each(span_s, jobs - 1),
            ratio(span_s, spans_s["ours"]),
        ]
        for name, span_s in spans_s.items()
    ]
    experiment.report.table([f"{jobs:,} jobs, {lists:,} lists", "first to last output", "each", "x this engine"], rows)
    for peer in experiment.peers:
        what = f"{jobs:,} jobs over {lists:,} lists, {shown(peer)} / this engine"
        experiment.report.bound(what, spans_s[peer] / spans_s["ours"], 5, at_least=True)


def compare_memory(experiment: Experiment, lists: int) -> None:
    with experiment.directory() as scratch:
        bare_bytes = run(program("loaded", "bare", "lists", lists, 0), scratch).said["pss_bytes"]
        watch = PssWatch(begins_with=emptied(scratch / "work") / "out_0.txt")
        command = program("loaded", "ours", "lists", lists, STAYING_JOBS, "--stay", STAY_S)
        run(command, scratch / "work", watch)
    samples = watch.samples_bytes
    rows = [
        ["a bare process with the data", f"{bare_bytes / 2**20:,.0f} MiB"],
        [f"all processes, median of {len(samples)} samples", f"{statistics.median(samples) / 2**20:,.0f} MiB"],
        ["all processes, peak", f"{max(samples) / 2**20:,.0f} MiB"],
    ]
    experiment.report.table(["sum of PSS while jobs run", ""], rows)
    experiment.report.bound(f"sum of PSS at its peak, {lists:,} lists / one copy", max(samples) / bare_bytes, 1.15)


if __name__ == "__main__":
    main()
