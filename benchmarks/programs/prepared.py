"""The state that a cold run of independent.py would leave, without its cost: prepared.py ENGINE JOBS

`ours` adopts the files. The two peers can't, and need ten minutes and more for 100,000 jobs; so their own code takes
the fingerprints and writes the status, but the files are written by a plain loop. The graph is that of independent.py.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import engines
from independent import build


def main() -> None:
    name, jobs = sys.argv[1], int(sys.argv[2])
    engine = engines.engine(name)
    engine.new(adopt=name == "ours")
    if name == "successor":
        _write_in_process()
    else:
        write_files(jobs)
    build(engine, jobs)
    if name == "original":
        engine.api.util.global_pipegraph.build_todo_list = _stop
        with contextlib.suppress(_StatusIsWritten):
            engine.run()
        write_files(jobs)  # it removed those of changed jobs
    else:
        engine.run()


def write_files(jobs: int) -> None:
    for number in range(jobs):
        with open(f"out_{number}.txt", "w") as file:
            file.write("hello")


class _StatusIsWritten(Exception):
    """Raised where the original begins to look for jobs to run."""


def _stop() -> None:
    raise _StatusIsWritten


def _write_in_process() -> None:
    """pypipegraph2, with jobs that are run without a process of their own."""
    from pypipegraph2 import hashers, jobs

    def run(job: Any, runner: Any, historical_output: Any) -> dict[str, Any]:
        job.files = [job._map_filename(path) for path in job.org_files]
        job.generating_function(job.files[0])
        return {str(path): hashers.hash_file(job._map_filename(path)) for path in job.org_files}

    jobs.MultiFileGeneratingJob.run = run


if __name__ == "__main__":
    main()
