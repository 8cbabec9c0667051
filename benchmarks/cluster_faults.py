"""How soon work goes on: after the death of a slave, and after a restart of the coordinator.

    python benchmarks/cluster_faults.py [--repeats 3]

Two slaves of one core each. *Machine*: SIGKILL to a slave and all that it started, at once, so that nobody can say
goodbye; *daemon*: to the slave alone. Then until the other one begins what ran there. *Coordinator*: SIGKILL to it, and
a new one at once; until the first job of a pipegraph that began in that moment, and the longest pause between two jobs
of one that ran all the while.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _cluster import Cluster, cluster, until
from _experiment import Experiment, emptied
from _process import program
from _report import seconds

SLAVES = {"a": 1, "b": 1}
EACH_S = 0.5
SOON: Mapping[str, float] = {"heartbeat": 0.5, "lease": 5, "grace": 2}
DEFAULT: Mapping[str, float] = {"heartbeat": 2, "lease": 60, "grace": 10}
TIMINGS = (SOON, DEFAULT)


@dataclass(frozen=True, slots=True)
class Note:
    """See programs/noting.py."""

    machine: str
    job: int
    what: str
    at_s: float


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=1, jobs=((120,), (30,)))
    (jobs,) = experiment.options.jobs
    table = []
    for timing in TIMINGS[: 1 if experiment.options.quick else None]:
        words = f"lease {timing['lease']:g} s, heartbeat {timing['heartbeat']:g} s, grace {timing['grace']:g} s"
        with experiment.directory() as scratch:
            work = scratch / "work"
            tries = range(experiment.repeats)
            machine_s = [lost(scratch / f"m{n}", work, timing, jobs, Cluster.kill) for n in tries]
            daemon_s = [lost(scratch / f"d{n}", work, timing, jobs, Cluster.kill_daemon) for n in tries]
            restarts = [restarted(scratch / f"c{n}", work, timing, jobs) for n in tries]
        new_s, pause_s = (median(of_all) for of_all in zip(*restarts, strict=True))
        table.append([words, *map(seconds, (median(machine_s), median(daemon_s), new_s, pause_s))])
    head = ["", "machine: restart after", "daemon: restart after", "coordinator: new work after", "longest pause"]
    experiment.report.table(head, table)
    experiment.finish()


def lost(
    directory: Path, work: Path, timing: Mapping[str, float], jobs: int, kill: Callable[[Cluster, str], None]
) -> float:
    """Seconds from the death of a slave until what ran there begins on the other."""
    with cluster(directory, SLAVES, timing) as here, noting(here, emptied(work), jobs) as notes:
        until(lambda: ends_on("a", notes()), "jobs on the other machine")
        old = unfinished("b", notes())
        until(lambda: unfinished("b", notes()) - old, "a job that has just begun")
        kill(here, "b")
        died_s = time.monotonic()
        victims = unfinished("b", notes())
        assert victims, f"the job has ended within the {EACH_S} s that it takes: this machine is too slow"
        again = until(lambda: begun(victims, "a", notes()), "the restart of its jobs")
        return again - died_s


def restarted(directory: Path, work: Path, timing: Mapping[str, float], jobs: int) -> tuple[float, float]:
    """Seconds from the death of the coordinator until a new pipegraph's first job; the longest pause of an old one."""
    with cluster(directory, SLAVES, timing) as here, noting(here, emptied(work / "old"), jobs) as notes:
        until(lambda: ends_on("a", notes()) and ends_on("b", notes()), "jobs on both machines")
        here.kill("coordinator")
        died_s = time.monotonic()
        here.coordinator()
        with noting(here, emptied(work / "new"), len(SLAVES)) as new_notes:
            first = until(lambda: [note.at_s for note in new_notes()], "the first job of a new pipegraph")
        begins = sorted(note.at_s for note in notes() if note.what == "begins" and note.at_s > died_s)
        pause_s = max(after - before for before, after in zip([died_s, *begins], begins, strict=False))
        return first[0] - died_s, pause_s


@contextmanager
def noting(here: Cluster, work: Path, jobs: int) -> Iterator[Callable[[], list[Note]]]:
    """A pipegraph that runs in the cluster; ended if need be."""
    process = subprocess.Popen(
        program("noting", jobs, EACH_S),
        cwd=work,
        env=here.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield lambda: read(work / "notes")
    finally:
        process.kill()
        process.wait()


def read(path: Path) -> list[Note]:
    """What jobs have noted until now."""
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text().splitlines()]
    return [Note(machine, int(job), what, float(at_s)) for machine, job, what, at_s in lines]


def ends_on(machine: str, notes: list[Note]) -> bool:
    return any(note.machine == machine and note.what == "ends" for note in notes)


def unfinished(machine: str, notes: list[Note]) -> set[int]:
    begun_there = {note.job for note in notes if note.machine == machine}
    return begun_there - {note.job for note in notes if note.what == "ends"}


def begun(jobs: set[int], machine: str, notes: list[Note]) -> float | None:
    """When the first of these jobs began there."""
    return next((n.at_s for n in notes if n.job in jobs and n.machine == machine and n.what == "begins"), None)


if __name__ == "__main__":
    main()
