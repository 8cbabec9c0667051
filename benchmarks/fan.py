"""One job with 100,000 prerequisites: 10,000 files that are there already, 90,000 parameters; cold, then null.

python benchmarks/fan.py [--width 100000]
"""

from __future__ import annotations

from _comparison import head, rows
from _experiment import Experiment, emptied
from _process import program, run
from _turns import in_turns


def main() -> None:
    experiment = Experiment(__file__, __doc__, width=((100_000,), (50,)))
    table = []
    for width in experiment.options.width:
        with experiment.directory() as scratch:
            turns = {
                "cold": lambda width=width: run(program("fan", width), emptied(scratch / "work")),
                "null": lambda width=width: run(program("fan", width), scratch / "work"),
            }
            table += rows(width, in_turns(turns, experiment.repeats), ())
    experiment.report.table(head("prerequisites", ()), table)
    experiment.finish()


if __name__ == "__main__":
    main()
