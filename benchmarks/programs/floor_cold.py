"""The floor of a cold run: fork, write the file, os._exit, wait. floor_cold.py JOBS MODULES

As many in flight as there are cores. MODULES: a file with the names of what is imported first, see independent.py.
"""

import importlib
import os
import sys

jobs, cores = int(sys.argv[1]), len(os.sched_getaffinity(0))
with open(sys.argv[2]) as names:
    for name in names.read().split():
        importlib.import_module(name)
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
