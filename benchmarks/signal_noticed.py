"""How soon a job that dies by a signal is noticed: from its last instruction until `run()` has raised.

    python benchmarks/signal_noticed.py [--repeats 10]

An upper bound: it includes the end of the run, with the supervisor's end and the store's last commit.
"""

from __future__ import annotations

from _experiment import Experiment, emptied
from _process import program, run
from _turns import in_turns
from start_up import milliseconds


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=10)
    with experiment.directory() as scratch:
        turns = {"ours": lambda: run(program("die"), emptied(scratch / "work"))}
        sample = in_turns(turns, experiment.repeats)["ours"]
    delays_s = [cost.said["noticed_after_s"] for cost in sample.costs]
    row = [milliseconds(sample.said("noticed_after_s")), milliseconds(max(delays_s))]
    experiment.report.table(["noticed after, median", "maximum"], [row])
    experiment.finish()


if __name__ == "__main__":
    main()
