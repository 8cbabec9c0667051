"""1,000 jobs over 2 GB of numpy data, of which each sums one percent; beside the same jobs over that percent alone, and
over next to none.

    python benchmarks/numpy_data.py [--jobs 1000] [--megabytes 2000]

What is compared is the time from the first output to the last: start-up and load are not in it. A bare loop of fork,
callback, os._exit, wait shows how much of the difference is the kernel's and numpy's own.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from _comparison import each
from _experiment import Experiment, emptied
from _process import Cost, program, run
from _report import ratio, seconds
from _turns import in_turns

TINY_BYTES = 8000
PARTS = 100
SHOWN = {"bare": "bare loop", "ours": "this engine"}


def main() -> None:
    experiment = Experiment(__file__, __doc__, jobs=((1000,), (20,)), megabytes=((2000,), (100,)))
    table = []
    for jobs in experiment.options.jobs:
        for megabytes in experiment.options.megabytes:
            table += measure(experiment, jobs, megabytes)
    experiment.report.table(["data", "", "first to last output", "each", "x no data"], table)
    experiment.finish()


def measure(experiment: Experiment, jobs: int, megabytes: int) -> list[list[str]]:
    nothing, a_part, all_of_it = "next to none", f"{megabytes // PARTS:,} MB", f"{megabytes:,} MB"
    data = {
        nothing: (TINY_BYTES, PARTS),
        a_part: (megabytes // PARTS * 1_000_000, 1),
        all_of_it: (megabytes * 1_000_000, PARTS),
    }
    with experiment.directory() as scratch:
        turns = {
            (engine, name): partial(timed, engine, size, parts, jobs, scratch / "work")
            for engine in ("bare", "ours")
            for name, (size, parts) in data.items()
        }
        spans_s = {turn: sample.said("span_s") for turn, sample in in_turns(turns, experiment.repeats).items()}
    for other in (nothing, a_part):
        value = spans_s["ours", all_of_it] / spans_s["ours", other]
        experiment.report.bound(f"{jobs:,} jobs over {all_of_it} / over {other}", value, 1.3)
    return [
        [name, SHOWN[engine], seconds(span_s), each(span_s, jobs - 1), ratio(span_s, spans_s[engine, nothing])]
        for (engine, name), span_s in spans_s.items()
    ]


def timed(engine: str, size: int, parts: int, jobs: int, work: Path) -> Cost:
    return run(program("loaded", engine, "numpy", size, jobs, "--parts", parts), emptied(work))


if __name__ == "__main__":
    main()
