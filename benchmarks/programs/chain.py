"""Each job depends on the one before, on one core: chain.py JOBS"""

from __future__ import annotations

import sys

import engines
from independent import writer

jobs = int(sys.argv[1])
ours = engines.engine("ours")
ours.new(cores=1)
before = None
for number in range(jobs):
    before = ours.file_job(f"out_{number}.txt", writer(number)).depends_on(before)
ours.run()
