"""The sampler of claims finds what is over a machine's capacity, and excepts only what ADR 0071 does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.hosts import until
from cluster.three_hosts import why_not

from .capacity import Capacity, Machine, Overcommitted
from .processes import JOB, SLAVE, Namespaces, Process, role, send

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
TESTS = Path(__file__).parents[1]
SLAVE_SCRIPT = """
import os, signal, sys, time
sys.path.insert(0, TESTS)
from crash.claims import claim
for cores, mib in JOBS:
    if os.fork() == 0:
        claim(cores, mib << 20)
        os.fork()
        time.sleep(1000)
time.sleep(1000)
"""


class Host:
    """A namespace with processes that look like a slave and its jobs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.name = f"ppgtest{os.getpid()}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.namespaces = Namespaces({"one": self.name})
        self._slaves: list[subprocess.Popen[bytes]] = []

    def slave(self, *jobs: tuple[int, int]) -> Process:
        """One that runs jobs of so many cores, and MiB."""
        path = self._directory / str(len(self._slaves)) / "ppg-slave"
        path.parent.mkdir()
        path.write_text(SLAVE_SCRIPT.replace("TESTS", repr(str(TESTS))).replace("JOBS", repr(jobs)))
        before = len(self.jobs())
        command = ["ip", "netns", "exec", self.name, sys.executable, str(path)]
        self._slaves.append(subprocess.Popen(command))
        until(lambda: len(self.jobs()) == before + len(jobs))
        return self.namespaces.processes()[self._slaves[-1].pid]

    def jobs(self) -> list[Process]:
        running = self.namespaces.processes()
        return [process for process in running.values() if role(process, running) == JOB]

    def capacity(self, cores: int, mib: int, lease_s: float = 1000.0) -> Capacity:
        return Capacity({"one": Machine(cores, mib << 20)}, self.namespaces, lease_s)

    def end(self) -> None:
        send(signal.SIGKILL, self.namespaces.processes().values())
        for slave in self._slaves:
            slave.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=True)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    try:
        yield host
    finally:
        host.end()


def test_what_fits_fits(host: Host) -> None:
    slave = host.slave((1, 100), (2, 0))
    capacity = host.capacity(3, 100)
    running = capacity.sample(time.monotonic())
    assert role(slave, running) == SLAVE
    assert capacity.full_samples == 1
    assert capacity.excepted_samples == 0


@pytest.mark.parametrize(("cores", "mib"), [(2, 100), (3, 99)])
def test_a_core_or_a_mebibyte_too_much_is_told_with_all_that_run(host: Host, cores: int, mib: int) -> None:
    host.slave((1, 100))
    host.slave((2, 0))
    with pytest.raises(Overcommitted, match=r"job 1 100.*job 2 0|job 2 0.*job 1 100"):
        host.capacity(cores, mib).sample(time.monotonic())


def test_jobs_that_are_gone_when_it_looks_again_are_not_counted(host: Host) -> None:
    host.slave((1, 0))
    before = host.jobs()
    names = {job.name for job in before}
    send(signal.SIGKILL, [p for p in host.namespaces.processes().values() if p.name in names])
    until(lambda: not host.jobs())
    host.slave((2, 0))
    host.capacity(2, 0)._look_again("one", [*before, *host.jobs()])


def test_only_what_runs_under_a_daemon_that_stood_still_for_a_lease_is_excepted(host: Host) -> None:
    frozen = host.slave((2, 0))
    send(signal.SIGSTOP, [frozen])
    until(lambda: host.namespaces.processes()[frozen.pid].is_stopped)
    capacity = host.capacity(2, 0, lease_s=5.0)
    capacity.sample(0.0)
    capacity.sample(5.1)
    host.slave((2, 0))
    capacity.sample(5.2)
    assert capacity.excepted_samples == 1
    send(signal.SIGCONT, [frozen])
    until(lambda: not host.namespaces.processes()[frozen.pid].is_stopped)
    capacity.sample(5.3)
    assert capacity.excepted_samples == 2
    host.slave((1, 0))
    with pytest.raises(Overcommitted):
        capacity.sample(5.4)


def test_a_pause_shorter_than_the_lease_excepts_nothing(host: Host) -> None:
    frozen = host.slave((2, 0))
    send(signal.SIGSTOP, [frozen])
    until(lambda: host.namespaces.processes()[frozen.pid].is_stopped)
    capacity = host.capacity(2, 0, lease_s=5.0)
    capacity.sample(0.0)
    host.slave((2, 0))
    with pytest.raises(Overcommitted):
        capacity.sample(4.9)
