"""Cold runs of 10,000 trivial jobs beside the peers, each once; cold_run.py has 1,000, and says what is measured.

python benchmarks/cold_run_10000.py [--jobs 10000] [--no-peers]
"""

from __future__ import annotations

from _environments import ENGINES
from _experiment import Experiment
from cold_run import compare


def main() -> None:
    compare(Experiment(__file__, __doc__, ENGINES, repeats=1, jobs=((10_000,), (30,))))


if __name__ == "__main__":
    main()
