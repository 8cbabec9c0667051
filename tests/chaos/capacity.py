"""Are more cores, or is more memory, claimed by running jobs than their machine has? Sampled from /proc.

Looking at all processes takes a while, in which one job may end and another start. So where the sum is too large, only
jobs count that are still there when it is looked at again: all of these ran at one moment in between.

Rules
- A job counts from the moment in which its callback is called until its process is dead; a stopped one counts, too.
- What ADR 0071 excepts is counted apart: jobs that ran under a daemon while that had stood still for longer than the
  lease, from then until they end. Without them every sample must fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .processes import SLAVE, Namespaces, Process, daemon_of, is_job

Identity = tuple[int, int]


@dataclass(frozen=True)
class Machine:
    """What it has, as its slaves say."""

    cores: int
    memory_bytes: int


class Overcommitted(AssertionError):
    """More was claimed than a machine has."""


class Capacity:
    """`sample` whenever there is time for it."""

    def __init__(self, machines: Mapping[str, Machine], namespaces: Namespaces, lease_s: float) -> None:
        self._machines, self._namespaces, self._lease_s = machines, namespaces, lease_s
        self._stopped_since: dict[Identity, float] = {}
        self._excepted: set[Identity] = set()
        self.samples = self.full_samples = self.excepted_samples = 0
        """`full_samples`: in which some machine had no free core. `excepted_samples`: in which what is excepted was
        the reason that a machine had more than it has."""

    def sample(self, now: float) -> dict[int, Process]:
        """Returns what runs. Raises Overcommitted."""
        processes = self._namespaces.processes()
        self._except_jobs(processes, now)
        self.samples += 1
        for host, machine in self._machines.items():
            jobs = [process for process in processes.values() if process.host == host and is_job(process, processes)]
            self.full_samples += _cores(jobs) >= machine.cores
            if not _fit(jobs, machine):
                self._look_again(host, jobs)
        return processes

    def _except_jobs(self, processes: dict[int, Process], now: float) -> None:
        daemons = [process for process in processes.values() if process.program == SLAVE and process.is_stopped]
        self._stopped_since = {d.identity: self._stopped_since.get(d.identity, now) for d in daemons}
        long = {identity for identity, since in self._stopped_since.items() if now - since > self._lease_s}
        if long:
            for process in processes.values():
                daemon = daemon_of(process, processes) if process.claim else None
                if daemon is not None and daemon.identity in long:
                    self._excepted.add(process.identity)

    def _look_again(self, host: str, before: list[Process]) -> None:
        machine, known = self._machines[host], {process.identity for process in before}
        now = self._namespaces.processes()
        jobs = [process for process in now.values() if process.identity in known and is_job(process, now)]
        if _fit(jobs, machine):
            return
        self.excepted_samples += 1
        rest = [process for process in jobs if process.identity not in self._excepted]
        if not _fit(rest, machine):
            listed = [(p.pid, p.name, p.state, p.identity in self._excepted) for p in jobs]
            raise Overcommitted(f"{host} has {machine}; there run {listed} (pid, claim, state, excepted)")


def _cores(jobs: list[Process]) -> int:
    return sum(job.claim.cores for job in jobs if job.claim)


def _fit(jobs: list[Process], machine: Machine) -> bool:
    memory_bytes = sum(job.claim.memory_bytes for job in jobs if job.claim)
    return _cores(jobs) <= machine.cores and memory_bytes <= machine.memory_bytes
