"""The benchmarks are scripts, not a package: their helpers are found as the scripts find them."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
