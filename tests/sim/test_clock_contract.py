"""The clock of a simulated machine and the real one: what links and leases rely on.

That the real one goes on while a machine is suspended is what CLOCK_BOOTTIME promises; tests/cluster/test_frozen has
processes that are stopped for longer than their lease.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from ppg_protocol import clock

from .world import Host, Process, World

NAP_S = 0.05


class Idle(Process):
    """Only looks at the clock."""

    def play(self) -> None:
        """See Process."""

    def deadline(self) -> float | None:
        """See Process."""
        return None


class Simulated:
    """Of one of the simulation's machines, which has been up for long."""

    def __init__(self) -> None:
        self.world = World(1)
        self.host = Host("h", 1, 1, offset=1e5, rate=1.0)
        self._process = Idle(self.world, self.host, "u", "p")

    def now(self) -> float:
        """For a process."""
        return self._process.now

    def of_another(self) -> float:
        """For another process there."""
        return Idle(self.world, self.host, "v", "q").now

    def nap(self) -> None:
        """Some time passes."""
        self.world.after(NAP_S, lambda: None)
        self.world.step()

    def stopped(self) -> tuple[float, float]:
        """What one that stands still for NAP_S sees before and afterwards."""
        before = self.now()
        self._process.freeze(NAP_S)
        self.nap()
        return before, self.now()


class Real:
    """Of this machine."""

    def now(self) -> float:
        """For this process."""
        return clock.now()

    def of_another(self) -> float:
        """For another one."""
        return self._in_child(stop=False)[0]

    def nap(self) -> None:
        """Some time passes."""
        time.sleep(NAP_S)

    def stopped(self) -> tuple[float, float]:
        """What one that stands still for NAP_S sees before and afterwards."""
        return self._in_child(stop=True)

    def _in_child(self, stop: bool) -> tuple[float, float]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            before = clock.now()
            if stop:
                os.kill(os.getpid(), signal.SIGSTOP)
            os.write(writer, f"{before!r} {clock.now()!r}".encode())
            os._exit(0)
        os.close(writer)
        if stop:
            os.waitpid(pid, os.WUNTRACED)
            self.nap()
            os.kill(pid, signal.SIGCONT)
        os.waitpid(pid, 0)
        with os.fdopen(reader) as said:
            before, after = map(float, said.read().split())
        return before, after


@pytest.fixture(params=["simulated", "real"])
def machine(request: pytest.FixtureRequest) -> Simulated | Real:
    """Either."""
    return Simulated() if request.param == "simulated" else Real()


def test_it_goes_on_and_never_back(machine: Simulated | Real) -> None:
    times = []
    for _ in range(3):
        times += [machine.now() for _ in range(100)]
        machine.nap()
    assert times == sorted(times)
    assert machine.now() - times[0] >= 3 * NAP_S * 0.99


def test_it_is_one_clock_for_all_processes_of_a_machine(machine: Simulated | Real) -> None:
    before = machine.now()
    assert before <= machine.of_another() <= machine.now()


def test_it_goes_on_for_who_stands_still(machine: Simulated | Real) -> None:
    before, after = machine.stopped()
    assert after - before >= NAP_S * 0.99
