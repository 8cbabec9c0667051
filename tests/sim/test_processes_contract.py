"""Simulated processes and real ones: who is there, who takes in what it is told, and what freezing and killing does."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .world import Host, Process, World

PATIENCE_S = 20.0
FROZEN_S = 5.0
LISTEN = 'while read -r word; do echo "$word" >> "$0"; done'


class Listener(Process):
    """Remembers what it is told."""

    def __init__(self, world: World, host: Host) -> None:
        super().__init__(world, host, "u", "p")
        self.heard: list[str] = []

    def play(self) -> None:
        """See Process."""
        self.take_posted()

    def deadline(self) -> float | None:
        """See Process."""
        return None


class Simulated:
    """Processes of the simulation, by pid."""

    def __init__(self) -> None:
        self.world = World(1)
        self.host = Host("h", 1, 1, 0.0, 1.0)
        self._started: dict[int, Listener] = {}

    def start(self) -> int:
        """Another one."""
        process = Listener(self.world, self.host)
        self._started[process.pid] = process
        return process.pid

    def tell(self, pid: int, word: str) -> None:
        """It takes that in when it takes its turn."""
        process = self._started[pid]
        process.post(lambda: process.heard.append(word))

    def heard(self, pid: int) -> list[str]:
        """What it has taken in."""
        return self._started[pid].heard

    def table(self) -> set[int]:
        """Who is there."""
        return {process.pid for process in self.host.processes}

    def freeze(self, pid: int) -> None:
        """Until `thaw`."""
        self._started[pid].freeze(FROZEN_S)

    def thaw(self, pid: int) -> None:
        """It goes on."""
        self.world.at(self._started[pid].frozen_until, lambda: None)
        while self._started[pid].is_frozen:
            self.world.step()

    def kill(self, pid: int) -> None:
        """At once."""
        self._started[pid].kill("SIGKILL")

    def go_on(self) -> None:
        """Let some time pass."""
        self.world.step()


class Real:
    """Shells, by pid."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: dict[int, subprocess.Popen[str]] = {}

    def start(self) -> int:
        """Another one."""
        path = self._directory / str(len(self._started))
        path.touch()
        command = ["sh", "-c", LISTEN, str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1)
        self._started[process.pid] = process
        return process.pid

    def tell(self, pid: int, word: str) -> None:
        """Into its pipe, whether anybody reads it or not."""
        stdin = self._started[pid].stdin
        assert stdin is not None
        try:
            stdin.write(f"{word}\n")
        except BrokenPipeError:
            assert self._started[pid].poll() is not None

    def heard(self, pid: int) -> list[str]:
        """What it has taken in."""
        number = list(self._started).index(pid)
        return (self._directory / str(number)).read_text().split()

    def table(self) -> set[int]:
        """Who is there, as /proc tells."""
        return {pid for pid in self._started if self._state(pid) not in ("", "Z", "X")}

    def freeze(self, pid: int) -> None:
        """Until `thaw`."""
        self._started[pid].send_signal(signal.SIGSTOP)
        until(self, lambda: self._state(pid) == "T")

    def thaw(self, pid: int) -> None:
        """It goes on."""
        self._started[pid].send_signal(signal.SIGCONT)

    def kill(self, pid: int) -> None:
        """At once."""
        self._started[pid].kill()
        self._started[pid].wait(PATIENCE_S)

    def go_on(self) -> None:
        """Let some time pass."""
        time.sleep(0.005)

    def end(self) -> None:
        """Of all that were started."""
        for process in self._started.values():
            process.kill()
            process.wait()
            assert process.stdin is not None
            try:
                process.stdin.close()
            except BrokenPipeError:
                continue

    @staticmethod
    def _state(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""


Machine = Simulated | Real


@pytest.fixture(params=["simulated", "real"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """Either."""
    if request.param == "simulated":
        yield Simulated()
        return
    real = Real(tmp_path)
    yield real
    real.end()


def until(machine: Machine, condition: Callable[[], bool]) -> None:
    """It holds."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        machine.go_on()


def test_who_was_started_is_there_under_its_own_number_until_it_is_killed(machine: Machine) -> None:
    one, other = machine.start(), machine.start()
    assert one != other
    assert machine.table() == {one, other}
    machine.kill(one)
    assert machine.table() == {other}
    machine.kill(other)
    assert machine.table() == set()


def test_what_one_is_told_is_taken_in_once_in_order_and_by_nobody_else(machine: Machine) -> None:
    one, other = machine.start(), machine.start()
    words = [str(number) for number in range(20)]
    for word in words:
        machine.tell(one, word)
    until(machine, lambda: len(machine.heard(one)) == len(words))
    assert (machine.heard(one), machine.heard(other)) == (words, [])


def test_who_is_frozen_is_there_and_takes_in_what_it_was_told_when_it_goes_on(machine: Machine) -> None:
    frozen, other = machine.start(), machine.start()
    machine.freeze(frozen)
    for word in "ab":
        machine.tell(frozen, word)
        machine.tell(other, word)
    until(machine, lambda: machine.heard(other) == ["a", "b"])
    assert machine.table() == {frozen, other}
    assert machine.heard(frozen) == []
    machine.thaw(frozen)
    until(machine, lambda: machine.heard(frozen) == ["a", "b"])


def test_who_is_frozen_can_be_killed_and_takes_in_nothing_any_more(machine: Machine) -> None:
    frozen, other = machine.start(), machine.start()
    machine.freeze(frozen)
    machine.tell(frozen, "a")
    machine.kill(frozen)
    machine.tell(frozen, "b")
    machine.tell(other, "c")
    until(machine, lambda: machine.heard(other) == ["c"])
    assert machine.table() == {other}
    assert machine.heard(frozen) == []


def test_who_is_started_later_has_a_number_that_none_of_the_living_has_and_hears_nothing_of_the_dead(
    machine: Machine,
) -> None:
    living, dead = machine.start(), machine.start()
    machine.tell(dead, "a")
    machine.kill(dead)
    successor = machine.start()
    machine.tell(successor, "b")
    until(machine, lambda: machine.heard(successor) == ["b"])
    assert machine.table() == {living, successor}
