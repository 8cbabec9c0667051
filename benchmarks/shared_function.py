"""One function that 10,000 jobs share is edited: how many fingerprints of its code are computed? A count, not a time.

    python benchmarks/shared_function.py [--jobs 10000]

The jobs adopt their files, the function is edited, and a dry run says that all of them would run.
"""

from __future__ import annotations

from pathlib import Path

from _experiment import Experiment, emptied
from _process import Cost, program, run
from _report import seconds

STEP = """
def write(path):
    with open(path, "w") as file:
        file.write({text!r})
"""


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=1, jobs=((10_000,), (20,)))
    table = []
    for jobs in experiment.options.jobs:
        with experiment.directory() as scratch:
            cost = measure(jobs, emptied(scratch / "work"))
        looked_at, digested = cost.said["looked_at"], cost.said["digested"]
        table.append([f"{jobs:,}", f"{looked_at:,.0f}", f"{digested:,.0f}", seconds(cost.wall_s)])
        experiment.report.bound(f"{jobs:,} jobs, fingerprints of the edited code", digested, 1)
    head = ["jobs", "looks at the function", "fingerprints of its code", "wall of the dry run"]
    experiment.report.table(head, table)
    experiment.finish()


def measure(jobs: int, work: Path) -> Cost:
    for number in range(jobs):
        (work / f"out_{number}.txt").write_text("hello")
    step = work / "step.py"
    step.write_text(STEP.format(text="hello"))
    run(program("shared_function", jobs, "--adopt"), work)
    step.write_text(STEP.format(text="hello, edited"))
    return run(program("shared_function", jobs), work)


if __name__ == "__main__":
    main()
