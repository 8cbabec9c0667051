"""deploy/ssh/ppg-slaves on two hosts with real sshds: start, status and stop, again and again, and what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .head import BIN, Head
from .sshd import Hosts, skip_where_impossible
from .waiting import PATIENCE_S, free_port, processes_with, wait_for

PROGRAM = Path(__file__).parents[2] / "deploy" / "ssh" / "ppg-slaves"

SLOW = """
import time
from pathlib import Path

import pypipegraph as ppg


def slow(path):
    Path("began").touch()
    deadline = time.monotonic() + 300
    while not Path("go").exists():
        assert time.monotonic() < deadline, "nobody said go"
        time.sleep(0.05)
    Path(path).write_text("done")


ppg.new_pipegraph()
ppg.FileGeneratingJob("slow.txt", slow)
ppg.run()
"""


class Launcher:
    """Calls the program for two hosts, `one` and `two`."""

    def __init__(self, head: Head, hosts: Hosts) -> None:
        self.head = head
        self.hosts = hosts
        self._list = head.directory / "hosts"
        self._list.write_text(
            "# two hosts\n\none --machine-id 'the first' --cores 1\ntwo --machine-id second  # spare\n"
        )
        self._begun: list[subprocess.Popen[str]] = []

    def begin(self, command: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        call = [sys.executable, PROGRAM, command, "--ssh", self.hosts.ssh, *arguments]
        environment = {**self.head.environment, "PATH": f"{BIN}:/usr/bin:/bin", **variables}
        self._begun.append(
            subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return self._begun[-1]

    def end(self) -> None:
        """What a failed test has left, and the slaves."""
        for process in self._begun:
            if process.returncode is None:
                process.kill()
                process.communicate()
        self.call("stop", "--now")

    def call(self, command: str, *arguments: str, **variables: str) -> tuple[int, list[str], str]:
        """Exit code, lines of output, what is on standard error."""
        called = self.begin(command, "--hosts", str(self._list), *arguments, **variables)
        output, errors = called.communicate(timeout=PATIENCE_S)
        return called.returncode, output.splitlines(), errors

    def started(self) -> list[str]:
        code, lines, errors = self.call("start", "--", "--lease", "4", "--heartbeat", "0.2")
        assert code == 0, errors + self.log()
        return lines

    def pids(self) -> list[str]:
        """Of the slaves that run, by host."""
        return [line.split("process ")[1].split(";")[0] for line in self.call("status")[1] if "runs, as" in line]

    def machines(self) -> dict[str, int]:
        """Cores of machines whose slave is there and stays."""
        return {
            machine["machine_id"]: machine["cores"]
            for machine in self.head.status()["machines"]
            if any(daemon["state"] == "connected" for daemon in machine["daemons"])
        }

    def log(self) -> str:
        """What the hosts' slaves have said."""
        return self.head.log()


@pytest.fixture
def launcher(head: Head) -> Iterator[Launcher]:
    skip_where_impossible()
    home = f"HOME={head.directory}"
    with Hosts(head.directory / "ssh", ("one", "two")) as hosts:
        launcher = Launcher(head, hosts)
        yield launcher
        launcher.end()
    wait_for(lambda: not processes_with(home), lambda: f"{processes_with(home)}")


def test_slaves_of_two_hosts_start_show_themselves_and_stop(launcher: Launcher) -> None:
    lines = launcher.started()
    assert [line.split(",")[0] for line in lines] == ["one: started", "two: started"]
    assert launcher.machines().keys() == {"the first", "second"}
    assert launcher.machines()["the first"] == 1

    code, lines, _ = launcher.call("status")
    assert code == 0
    assert [line.split(",")[0] for line in lines] == ["one: runs", "two: runs"]

    assert launcher.call("stop")[:2] == (0, ["one: has left", "two: has left"])
    assert launcher.machines() == {}
    assert launcher.call("status")[:2] == (3, ["one: does not run", "two: does not run"])


def test_the_log_is_on_the_host(launcher: Launcher) -> None:
    launcher.started()

    for host in ("one", "two"):
        log = launcher.hosts.home(host) / ".local" / "state" / "pypipegraph" / f"slave-{host}.log"
        assert "the coordinator on" in log.read_text()
        assert str(log) in "\n".join(launcher.call("status")[1])


def test_what_is_done_already_is_done(launcher: Launcher) -> None:
    launcher.started()
    pids = launcher.pids()

    code, lines, _ = launcher.call("start")
    assert code == 0
    assert lines == [f"{host}: runs already, as process {pid}" for host, pid in zip(("one", "two"), pids, strict=True)]
    assert launcher.call("stop")[0] == 0
    assert launcher.call("stop")[:2] == (0, ["one: does not run", "two: does not run"])


def test_a_killed_slave_is_started_again(launcher: Launcher) -> None:
    launcher.started()
    first, second = launcher.pids()
    subprocess.run(["kill", "-KILL", first], check=True)
    wait_for(lambda: launcher.pids() == [second])

    lines = launcher.started()
    assert lines[0].startswith("one: started")
    assert lines[1] == f"two: runs already, as process {second}"


def test_a_pid_that_another_process_has_got_is_not_taken_for_the_slave(launcher: Launcher) -> None:
    state = launcher.hosts.home("one") / ".local" / "state" / "pypipegraph"
    launcher.started()
    _, start, boot = (state / "slave-one.pid").read_text().split()
    assert launcher.call("stop")[0] == 0
    (state / "slave-one.pid").write_text(f"1 {start} {boot}\n")

    assert launcher.call("status")[:2] == (3, ["one: does not run", "two: does not run"])
    assert launcher.call("stop")[0] == 0


def test_a_host_that_is_down_is_named_and_the_others_are_served(launcher: Launcher) -> None:
    launcher.hosts.down("one")

    code, lines, errors = launcher.call("start")
    assert code == 1
    assert [line.split(",")[0] for line in lines] == ["two: started"]
    assert errors.startswith("one: ssh failed: ")
    assert "Connection refused" in errors

    code, lines, errors = launcher.call("status")
    assert (code, len(lines)) == (1, 1)


def test_a_slave_that_can_not_start_says_why(launcher: Launcher) -> None:
    code, lines, errors = launcher.call("start", PPG_KEYS="/nowhere")

    assert (code, lines) == (1, [])
    for host in ("one", "two"):
        assert f"{host}: ppg-slave ended with exit code 2: " in errors
    assert "/nowhere" in errors


def test_a_coordinator_that_does_not_answer_is_mentioned(launcher: Launcher) -> None:
    away = f"tcp://127.0.0.1:{free_port()}"
    code, lines, _ = launcher.call("start", "--patience", "1", PPG_COORDINATOR=away)

    assert code == 0
    assert all("the coordinator has not answered yet" in line for line in lines)


def test_a_host_without_the_program_says_what_to_give(launcher: Launcher) -> None:
    code, _, errors = launcher.call("start", "--bin", "/nowhere")

    assert code == 1
    assert "one: there is no ppg-slave in /nowhere" in errors
    assert "give --bin" in errors


def test_stop_waits_for_jobs(launcher: Launcher) -> None:
    launcher.started()
    pipeline = launcher.head.pipeline(SLOW)
    wait_for((launcher.head.directory / "began").exists, launcher.log)
    stop = launcher.begin("stop", "one", "two")
    wait_for(lambda: launcher.machines() == {}, launcher.log)
    wait_for(lambda: len(launcher.pids()) == 1, launcher.log)  # one has nothing to wait for
    assert stop.poll() is None

    (launcher.head.directory / "go").touch()
    assert stop.wait(PATIENCE_S) == 0
    assert pipeline.wait(PATIENCE_S) == 0, launcher.log()
    assert (launcher.head.directory / "slow.txt").read_text() == "done"
    stop.communicate()


def test_stop_now_kills_jobs_and_the_pipeline_goes_on_elsewhere(launcher: Launcher) -> None:
    launcher.started()
    pipeline = launcher.head.pipeline(SLOW)
    wait_for((launcher.head.directory / "began").exists, launcher.log)

    assert launcher.call("stop", "--now")[0] == 0
    assert pipeline.poll() is None
    launcher.started()
    (launcher.head.directory / "go").touch()
    assert pipeline.wait(PATIENCE_S) == 0, launcher.log()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["start"], "no hosts: name them, or give a file with --hosts"),
        (["status", "--hosts", "/nowhere"], "No such file or directory"),
        (["start", "--coordinator", "", "one"], "give --coordinator and --keys, or set PPG_COORDINATOR and PPG_KEYS"),
        (["halt", "one"], "invalid choice: 'halt'"),
    ],
)
def test_wrong_usage_is_refused_before_any_host_is_asked(arguments: list[str], complaint: str) -> None:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, env={"PATH": f"{BIN}:/usr/bin:/bin"})

    assert done.returncode == 2
    assert complaint in done.stderr
