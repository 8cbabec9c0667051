"""Hosts of their own, in network namespaces: cables are taken out and put in again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hosts import PATIENCE_S, SCRIPT, until
from .three_hosts import ThreeHosts, why_not

LEASE_S = 4.0

WORK = """
def work(i):
    note(f"begun {i} {machine()}")
    wait_until_begun_on("two")
    time.sleep(0.4)
    Path(f"f{i}").write_text(str(i))
    note(f"done {i} {machine()}")
for i in range(24):
    ppg.FileGeneratingJob(f"f{i}", lambda i=i: work(i))
ppg.run()
"""

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Partitioned(ThreeHosts):
    """With a coordinator and two slaves."""

    def up(self) -> None:
        self.do("up")
        self.do("coordinator", "--grace", "1")
        self.do("slave", "one", "--cores", "2")
        self.do("slave", "two", "--cores", "2")

    def script(self, text: str) -> subprocess.Popen[bytes]:
        """A pipeline on head, in the directory `project`."""
        project = self.directory / "project"
        project.mkdir()
        (project / "pipeline.py").write_text(SCRIPT + text)
        return self.start("head", sys.executable, "pipeline.py", cwd=project)

    @property
    def notes(self) -> list[str]:
        path = self.directory / "project" / "notes"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def log(self) -> str:
        return (self.directory / "project" / "logs" / "ppg_run.txt").read_text()

    def begun_on(self, host: str) -> int:
        return sum(note.startswith("begun") and note.endswith(f"-{host}") for note in self.notes)

    def assert_complete(self) -> None:
        for i in range(24):
            assert (self.directory / "project" / f"f{i}").read_text() == str(i)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Partitioned]:
    hosts = Partitioned(tmp_path, LEASE_S)
    try:
        hosts.up()
        yield hosts
    finally:
        hosts.do("down")


def test_a_cut_that_is_shorter_than_the_lease_costs_nothing(hosts: Partitioned) -> None:
    script = hosts.script(WORK)
    until(lambda: hosts.begun_on("two") >= 2)
    hosts.do("cut", "two")
    time.sleep(LEASE_S / 3)
    hosts.do("mend", "two")
    assert script.wait(PATIENCE_S) == 0
    hosts.assert_complete()
    assert "lost two" not in hosts.log
    assert sum(note.startswith("begun") for note in hosts.notes) == 24, "nothing ran twice"


def test_a_cut_that_is_longer_costs_what_ran_there_and_the_host_returns(hosts: Partitioned) -> None:
    script = hosts.script(WORK.replace("time.sleep(0.4)", "time.sleep(1.5)"))
    until(lambda: hosts.begun_on("two") >= 2)
    hosts.do("cut", "two")
    until(lambda: "lost two" in hosts.log, "the loss of two")
    before = hosts.begun_on("two")
    hosts.do("mend", "two")
    until(lambda: hosts.begun_on("two") > before or script.poll() is not None, "the return of two")
    assert script.wait(PATIENCE_S) == 0
    hosts.assert_complete()


def test_a_host_that_vanishes_for_good(hosts: Partitioned) -> None:
    script = hosts.script(WORK)
    until(lambda: hosts.begun_on("two") >= 2)
    hosts.do("cut", "two")
    assert script.wait(PATIENCE_S) == 0
    hosts.assert_complete()
    assert "lost two" in hosts.log


def test_the_head_is_cut_off_while_its_script_runs(hosts: Partitioned) -> None:
    """Both hosts end what they run when their leases are over; afterwards everything goes on."""
    script = hosts.script(WORK)
    until(lambda: hosts.begun_on("one") >= 1 and hosts.begun_on("two") >= 1)
    hosts.do("cut", "head")
    time.sleep(1.5 * LEASE_S)
    hosts.do("mend", "head")
    assert script.wait(PATIENCE_S) == 0
    hosts.assert_complete()
