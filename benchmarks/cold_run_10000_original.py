"""A cold run of 10,000 trivial jobs beside pypipegraph, each once; cold_run.py has 1,000, and says what is measured.

python benchmarks/cold_run_10000_original.py [--jobs 10000]
"""

from __future__ import annotations

from _beside import beside
from _experiment import Experiment
from cold_run import cold


def main() -> None:
    experiment = Experiment(__file__, __doc__, ("original",), repeats=1, jobs=((10_000,), (30,)))
    beside(experiment, "original", cold, at_least=1.5)


if __name__ == "__main__":
    main()
