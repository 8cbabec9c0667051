"""A null run of 100,000 jobs beside pypipegraph2, each once; null_run.py has fewer jobs, and says what is measured.

python benchmarks/null_run_successor.py [--jobs 100000]
"""

from __future__ import annotations

from _beside import beside
from _experiment import Experiment
from _null import prepared


def main() -> None:
    experiment = Experiment(__file__, __doc__, ("successor",), repeats=1, jobs=((100_000,), (50,)))
    beside(experiment, "successor", prepared, at_least=12)


if __name__ == "__main__":
    main()
