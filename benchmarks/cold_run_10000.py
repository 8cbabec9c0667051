"""Cold runs of 10,000 trivial jobs beside the floor; cold_run.py has 1,000, and says what is measured.

    python benchmarks/cold_run_10000.py [--jobs 10000]

cold_run_10000_original.py and cold_run_10000_successor.py have the two peers, which take minutes each.
"""

from __future__ import annotations

from _experiment import Experiment
from cold_run import compare


def main() -> None:
    compare(Experiment(__file__, __doc__, jobs=((10_000,), (30,))))


if __name__ == "__main__":
    main()
