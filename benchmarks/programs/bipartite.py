"""Every job of the right side depends on every job of the left: bipartite.py SIDE [--adopt]

Its files are those of independent.py with twice as many jobs.
"""

from __future__ import annotations

import sys

import engines
from independent import writer

side = int(sys.argv[1])
ours = engines.engine("ours")
ours.new(adopt="--adopt" in sys.argv)
left = [ours.file_job(f"out_{number}.txt", writer(number)) for number in range(side)]
for number in range(side, 2 * side):
    ours.file_job(f"out_{number}.txt", writer(number)).depends_on(left)
ours.run()
