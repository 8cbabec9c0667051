"""Tests of the examples: the pure helpers are imported, the scripts are run as a user runs them."""

import sys

from example_runs import PHAGE

sys.path.insert(0, str(PHAGE))
