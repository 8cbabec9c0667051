"""1,000 jobs over 2 GB of numpy data, beside the same jobs over next to none; each sums one percent.

    python benchmarks/numpy_data.py [--jobs 1000] [--megabytes 2000]

What is compared is the time from the first output to the last: start-up and load are not in it.
"""

from __future__ import annotations

from _comparison import each
from _experiment import Experiment, emptied
from _process import program, run
from _report import ratio, seconds
from _turns import in_turns

TINY_BYTES = 8000


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((1000,), (20,)), megabytes=((2000,), (100,)))
    table = []
    for jobs in experiment.options.jobs:
        for megabytes in experiment.options.megabytes:
            table += measure(experiment, jobs, megabytes)
    experiment.report.table(["data", "jobs", "first to last output", "each", "x no data"], table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int, megabytes: int) -> list[list[str]]:
    sizes = {"next to none": TINY_BYTES, f"{megabytes:,} MB": megabytes * 1_000_000}
    with experiment.directory() as scratch:
        turns = {
            name: lambda size=size: run(program("loaded", "ours", "numpy", size, jobs), emptied(scratch / "work"))
            for name, size in sizes.items()
        }
        spans_s = {name: sample.said("span_s") for name, sample in in_turns(turns, experiment.repeats).items()}
    without, with_data = spans_s.values()
    experiment.report.bound(f"{jobs:,} jobs over {megabytes:,} MB / over next to none", with_data / without, 1.3)
    return [
        [name, f"{jobs:,}", seconds(span_s), each(span_s, jobs - 1), ratio(span_s, without)]
        for name, span_s in spans_s.items()
    ]


if __name__ == "__main__":
    main()
