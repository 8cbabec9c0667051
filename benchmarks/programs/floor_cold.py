"""The floor of a cold run: fork, write the file, os._exit, wait. floor_cold.py JOBS

As many in flight as there are cores, with the modules imported that the engine has when it forks a job.
"""

import os
import sys

import ppg_mcp.fingerprints.bytecode
import ppg_mcp.fingerprints.sources
import ppg_mcp.fingerprints.syntax
import ppg_mcp.run.execution
import ppg_mcp.run.front
import ppg_mcp.run.machine  # noqa: F401
import pypipegraph  # noqa: F401

jobs, cores = int(sys.argv[1]), len(os.sched_getaffinity(0))
running = 0
for number in range(jobs):
    if running == cores:
        os.wait()
        running -= 1
    if not os.fork():
        with open(f"out_{number}.txt", "w") as file:
            file.write("hello")
        os._exit(0)
    running += 1
for _ in range(running):
    os.wait()
