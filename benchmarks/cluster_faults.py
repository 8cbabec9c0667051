"""How soon work goes on: after the death of a slave, and after a restart of the coordinator.

    python benchmarks/cluster_faults.py [--repeats 3]

Slaves of one core each. *Machine*: SIGKILL to a slave and all that it started, at once, so that nobody can say goodbye;
*daemon*: to a slave alone, in the same cluster. Then until the one that is left begins what ran there. *Coordinator*:
SIGKILL to it, and a new one at once; until the first job of a pipegraph that began in that moment, and the longest
pause between two jobs of one that ran all the while.
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

SLAVES = {"stays": 1, "machine": 1, "daemon": 1}
KILL: Mapping[str, Callable[[Cluster, str], None]] = {"machine": Cluster.kill, "daemon": Cluster.kill_daemon}
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
            losses = [lost(scratch / f"l{n}", work, timing, jobs) for n in tries]
            restarts = [restarted(scratch / f"r{n}", work, timing, jobs) for n in tries]
        medians = (median(of_all) for both in (losses, restarts) for of_all in zip(*both, strict=True))
        table.append([words, *map(seconds, medians)])
    head = ["", "machine: restart after", "daemon: restart after", "coordinator: new work after", "longest pause"]
    experiment.report.table(head, table)
    experiment.finish()


def lost(directory: Path, work: Path, timing: Mapping[str, float], jobs: int) -> tuple[float, ...]:
    """Seconds from the death of each in KILL until what ran there begins on the one that stays."""
    with cluster(directory, SLAVES, timing) as here, noting(here, emptied(work), jobs) as notes:
        until(lambda: all(ends_on(machine, notes()) for machine in SLAVES), "jobs on all machines")
        deaths = [death(here, machine, notes) for machine in KILL]
        return tuple(begun_again(victims, notes) - died_s for died_s, victims in deaths)


def begun_again(victims: set[int], notes: Callable[[], list[Note]]) -> float:
    """When the first of these jobs begins on the machine that stays."""
    return until(lambda: begun(victims, "stays", notes()), "the restart of its jobs")


def death(here: Cluster, machine: str, notes: Callable[[], list[Note]]) -> tuple[float, set[int]]:
    """Kill it in the middle of a job: when that was, and what ran there."""
    old = unfinished(machine, notes())
    until(lambda: unfinished(machine, notes()) - old, "a job that has just begun")
    KILL[machine](here, machine)
    died_s, victims = time.monotonic(), unfinished(machine, notes())
    assert victims, f"the job has ended within the {EACH_S} s that it takes: this machine is too slow"
    return died_s, victims


def restarted(directory: Path, work: Path, timing: Mapping[str, float], jobs: int) -> tuple[float, float]:
    """Seconds from the death of the coordinator until a new pipegraph's first job; the longest pause of an old one."""
    with cluster(directory, SLAVES, timing) as here, noting(here, emptied(work / "old"), jobs) as notes:
        until(lambda: all(ends_on(machine, notes()) for machine in SLAVES), "jobs on all machines")
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
