"""A null run of a million jobs: is the time still proportional to the jobs, and how much memory does each take?

    python benchmarks/null_run_million.py [--jobs 0 100000 1000000]

The memory per job is the peak of the master's resident memory, less that of a run with no jobs, by the jobs. The state
is prepared by adoption, in memory (--scratch), where a million files are made in seconds: they take 8 GB there.
"""

from __future__ import annotations

import sys

from _comparison import each
from _experiment import Experiment
from _null import prepared
from _report import seconds
from _turns import Sample, in_turns


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=1, in_memory=True, jobs=((0, 100_000, 1_000_000), (0, 50, 100)))
    samples = {jobs: measure(experiment, jobs) for jobs in experiment.options.jobs}
    empty, small, large = min(samples), sorted(samples)[-2], max(samples)
    table = [
        [f"{jobs:,}", seconds(sample.wall_s), seconds(sample.cpu_s), each(sample.wall_s, jobs), memory(sample)]
        for jobs, sample in samples.items()
    ]
    experiment.report.table(["jobs", "wall", "CPU", "wall each", "peak of the master"], table)
    grown = samples[large].said("peak_rss_bytes") - samples[empty].said("peak_rss_bytes")
    linear = (samples[large].wall_s / large) / (samples[small].wall_s / max(small, 1))
    experiment.report.bound(f"memory per job at {large:,}", grown / (large - empty) / 1024, 1.5, unit=" KB")
    experiment.report.bound(f"wall per job at {large:,} / at {small:,}", linear, 1.25)
    experiment.finish()


def measure(experiment: Experiment, jobs: int) -> Sample:
    with experiment.directory() as scratch:
        return in_turns({"ours": prepared("ours", sys.executable, jobs, scratch / "ours")}, experiment.repeats)["ours"]


def memory(sample: Sample) -> str:
    return f"{sample.said('peak_rss_bytes') / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
