"""Does a job cost more when there are many? Cold runs of 1,000 and of 100,000 trivial jobs, of this engine alone.

    python benchmarks/cold_run_growth.py [--jobs 1000 100000]

The large run is made once, between repeats of the small one.
"""

from __future__ import annotations

from pathlib import Path

from _comparison import head, rows
from _experiment import Experiment, emptied
from _process import program, run
from _turns import Sample


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=4, jobs=((1000, 100_000), (20, 40)))
    few, many = min(experiment.options.jobs), max(experiment.options.jobs)
    small, large = Sample(), Sample()
    with experiment.directory() as scratch:
        half = (experiment.repeats + 1) // 2
        measure(small, few, half, scratch / "work")
        measure(large, many, 1, scratch / "work")
        measure(small, few, half, scratch / "work")
    experiment.report.table(head("jobs", ()), [*rows(few, {"ours": small}, ()), *rows(many, {"ours": large}, ())])
    for what, growth in (("wall", large.wall_s / small.wall_s), ("CPU", large.cpu_s / small.cpu_s)):
        experiment.report.bound(f"{what} per job at {many:,} / at {few:,}", growth * few / many, 1.25)
    experiment.finish()


def measure(sample: Sample, jobs: int, repeats: int, work: Path) -> None:
    for _ in range(repeats):
        sample.costs.append(run(program("independent", "ours", jobs), emptied(work)))


if __name__ == "__main__":
    main()
