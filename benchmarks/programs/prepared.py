"""The state that a cold run of independent.py would leave, without its cost: prepared.py ENGINE JOBS

`ours` adopts the files. The two peers can't, and need ten minutes and more for 100,000 jobs; so their own code takes
the fingerprints and writes the status, but the files are written by a plain loop. The graph is that of independent.py.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import engines
from independent import build


def main() -> None:
    name, jobs = sys.argv[1], int(sys.argv[2])
    engine = engines.engine(name)
    engine.new(adopt=name == "ours")
    write_files(jobs)
    build(engine, jobs)
    if name == "successor":
        _write_history()
    elif name == "original":
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


def _write_history() -> None:
    """pypipegraph2's record of a run in which every job was run: outputs, inputs, and what was read of whom."""
    from pypipegraph2 import global_pipegraph as graph
    from pypipegraph2 import hashers

    runner = SimpleNamespace(stat_cache={})
    history = {}
    for job_id, job in graph.jobs.items():
        is_function = job.eval_job_kind == "Always"
        outputs = job.run(runner, {}) if is_function else {job_id: hashers.hash_file(Path(job_id))}
        history[job_id] = json.dumps(outputs, sort_keys=True, indent=1)
    for job_id in graph.jobs:
        inputs = sorted(graph.job_inputs[job_id])
        history[f"{job_id}!!!"] = "\n".join(inputs)
        history.update((f"{other}!!!{job_id}", history[other]) for other in inputs)
    graph._save_history(history)


if __name__ == "__main__":
    main()
