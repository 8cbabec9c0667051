"""The memory of a master in which nothing is done yet: planned.py JOBS

A dry run of independent jobs with a closure each, then an offer of each to a dispatcher. Says what a job adds to the
peak of resident memory.
"""

from __future__ import annotations

import sys

import engines
from independent import build

import pypipegraph as ppg
from ppg_mcp.dispatcher import Dispatcher, Offer

jobs = int(sys.argv[1])
ppg.new_pipegraph(quiet=True)
before_bytes = engines.memory_bytes("VmRSS")
build(engines.engine("ours"), jobs)
graph = ppg.util.global_pipegraph
ppg.run(dry_run=True)
dispatcher = Dispatcher(patient=True)
for job in range(jobs):
    dispatcher.handle(Offer(job, 1, 0, (), (float(job), 0.0, float(job))))
engines.say(per_job_bytes=(engines.memory_bytes("VmHWM") - before_bytes) / jobs)
