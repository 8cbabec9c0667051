"""The units in deploy/systemd: systemd accepts them, they fit the programs, and a real systemd runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .head import BIN, Head
from .user_manager import UserManager, skip_where_impossible
from .waiting import PATIENCE_S, free_port, processes_with, wait_for

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SYSTEM, USER = UNITS / "system", UNITS / "user"
SLAVES = [SYSTEM / "ppg-slave@.service", USER / "ppg-slave.service"]
COORDINATORS = [SYSTEM / "ppg-coordinator.service", USER / "ppg-coordinator.service"]
EXPOSURE_OF_TEN = 2.0

SLOW = """
import time
from pathlib import Path

import pypipegraph as ppg


def slow(path):
    with Path("calls").open("a") as calls:
        calls.write("slow\\n")
    deadline = time.monotonic() + 300
    while not Path("go").exists():
        assert time.monotonic() < deadline, "nobody said go"
        time.sleep(0.05)
    Path(path).write_text("done")


ppg.new_pipegraph()
ppg.FileGeneratingJob("slow.txt", slow)
ppg.run()
"""


def analyze(*arguments: str | Path, run: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing. On Debian and Ubuntu: apt-get install systemd")
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(run)}
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, env=environment)


def settings(unit: Path) -> dict[str, list[str]]:
    """Values by key of the section [Service]."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def variables(unit: Path) -> dict[str, str]:
    return dict(text.partition("=")[::2] for text in settings(unit)["Environment"])


@pytest.mark.parametrize("unit", [*SLAVES, *COORDINATORS], ids=lambda unit: f"{unit.parent.name}-{unit.stem}")
def test_systemd_finds_nothing_to_complain_about(unit: Path, tmp_path: Path) -> None:
    instance = tmp_path / unit.name.replace("@", "@anna")
    shutil.copy(unit, instance)
    manager = "--user" if unit.parent == USER else "--system"
    done = analyze(manager, "verify", "--man=no", instance, run=tmp_path)

    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.stem.rstrip("@") in line]) == (0, [])


def test_systemd_does_complain(tmp_path: Path) -> None:
    wrong = tmp_path / "ppg-slave.service"
    wrong.write_text((USER / "ppg-slave.service").read_text().replace("KillMode=mixed", "KillMode=gently"))

    assert "gently" in analyze("--user", "verify", "--man=no", wrong, run=tmp_path).stderr


def test_the_coordinator_may_do_little_but_its_work(tmp_path: Path) -> None:
    unit = SYSTEM / "ppg-coordinator.service"
    threshold = f"--threshold={EXPOSURE_OF_TEN * 10:.0f}"
    done = analyze("security", "--offline=true", "--no-pager", threshold, unit, run=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", SLAVES, ids=lambda unit: unit.stem)
def test_stopping_takes_longer_than_draining(unit: Path) -> None:
    drain_s, stop_s = int(variables(unit)["PPG_DRAIN_TIMEOUT"]), int(settings(unit)["TimeoutStopSec"][0])

    assert drain_s + 30 <= stop_s
    assert settings(unit)["KillMode"] == ["mixed"], "jobs must not get the signal that asks the daemon to drain"


@pytest.mark.parametrize(("program", "units"), [("ppg-slave", SLAVES), ("ppg-coordinator", COORDINATORS)])
def test_every_variable_is_one_that_the_program_reads(program: str, units: list[Path]) -> None:
    command = [BIN / program, "--help"] if program == "ppg-slave" else [BIN / program, "serve", "--help"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    example = (UNITS / f"{program.removeprefix('ppg-')}.env").read_text()
    named = {name for text in (example, *(unit.read_text() for unit in units)) for name in re.findall(r"PPG_\w+", text)}

    assert named
    assert [name for name in sorted(named) if name not in known] == []


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[UserManager]:
    skip_where_impossible()
    with UserManager(tmp_path) as manager:
        yield manager
    run = f"XDG_RUNTIME_DIR={tmp_path}"
    wait_for(lambda: not processes_with(run), lambda: f"{processes_with(run)}")


def install_slave(manager: UserManager, head: Head) -> None:
    facts = {name: value for name, value in head.variables.items() if name != "PPG_BIN"}
    manager.install(USER / "ppg-slave.service", "slave.env", {**facts, "PPG_MACHINE_ID": "managed"})


def connected(head: Head) -> list[str]:
    return [
        machine["machine_id"]
        for machine in head.status()["machines"]
        if any(daemon["state"] == "connected" for daemon in machine["daemons"])
    ]


def calls(head: Head) -> list[str]:
    file = head.directory / "calls"
    return file.read_text().split() if file.exists() else []


def test_a_slave_drains_when_it_is_stopped(manager: UserManager, head: Head) -> None:
    install_slave(manager, head)
    manager.must("start", "ppg-slave")
    pipeline = head.pipeline(SLOW)
    wait_for(lambda: calls(head) == ["slow"], head.log)

    manager.must("stop", "--no-block", "ppg-slave")
    wait_for(lambda: connected(head) == [], head.log)
    assert manager.fact("ppg-slave", "ActiveState") == "deactivating"
    (head.directory / "go").touch()

    assert pipeline.wait(PATIENCE_S) == 0, head.log()
    assert calls(head) == ["slow"]
    wait_for(lambda: manager.fact("ppg-slave", "ActiveState") == "inactive", manager.log)
    assert manager.fact("ppg-slave", "Result") == "success"


def test_a_killed_slave_comes_back_and_the_run_goes_on(manager: UserManager, head: Head) -> None:
    install_slave(manager, head)
    drop_in = manager.home / ".config" / "systemd" / "user" / "ppg-slave.service.d"
    drop_in.mkdir()
    (drop_in / "soon.conf").write_text("[Service]\nRestartSec=0.1\n")
    manager.must("daemon-reload")
    manager.must("start", "ppg-slave")
    pipeline = head.pipeline(SLOW)
    wait_for(lambda: calls(head) == ["slow"], head.log)

    manager.must("kill", "--kill-whom=main", "--signal=KILL", "ppg-slave")
    wait_for(lambda: calls(head) == ["slow", "slow"], head.log)
    (head.directory / "go").touch()

    assert pipeline.wait(PATIENCE_S) == 0, head.log()
    assert manager.fact("ppg-slave", "NRestarts") == "1"


def answers(address: str, keys: Path) -> bool:
    ask = [BIN / "ppg-coordinator", "status", "--coordinator", address, "--keys", keys]
    return subprocess.run(ask, capture_output=True).returncode == 0


def test_the_coordinator_is_always_back(manager: UserManager) -> None:
    keys, address = manager.home / ".ppg", f"tcp://127.0.0.1:{free_port()}"
    subprocess.run([BIN / "ppg-coordinator", "keys", keys], check=True, capture_output=True)
    manager.install(USER / "ppg-coordinator.service", "coordinator.env", {"PPG_LISTEN": address})
    manager.must("start", "ppg-coordinator")
    first = manager.fact("ppg-coordinator", "MainPID")
    assert answers(address, keys)

    manager.must("kill", "--signal=KILL", "ppg-coordinator")
    wait_for(lambda: manager.fact("ppg-coordinator", "MainPID") not in (first, "0"), manager.log)
    wait_for(lambda: answers(address, keys), manager.log)
    manager.must("stop", "ppg-coordinator")
    assert manager.fact("ppg-coordinator", "Result") == "success"


OF_THE_TEST = """
[Service]
# Another user, other places, the interpreter may be anywhere; and in a container parts of /proc can't be covered.
User=
EnvironmentFile=
EnvironmentFile=%h/.config/pypipegraph/coordinator.env
ReadWritePaths=%h
PrivateTmp=no
ProtectHome=read-only
ProtectKernelLogs=no
ProtectKernelTunables=no
"""


def test_the_coordinator_works_in_its_sandbox(manager: UserManager) -> None:
    keys, address = manager.home / ".ppg", f"tcp://127.0.0.1:{free_port()}"
    subprocess.run([BIN / "ppg-coordinator", "keys", keys], check=True, capture_output=True)
    settings = {"PPG_LISTEN": address, "PPG_KEYS": str(keys), "PATH": f"{BIN}:/usr/bin:/bin"}
    drop_in = manager.home / ".config" / "systemd" / "user" / "ppg-coordinator.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "test.conf").write_text(OF_THE_TEST)
    manager.install(SYSTEM / "ppg-coordinator.service", "coordinator.env", settings)
    manager.must("start", "ppg-coordinator")

    assert answers(address, keys), manager.log()
    there = f"/proc/{manager.fact('ppg-coordinator', 'MainPID')}/status"
    facts = dict(line.split(":\t", 1) for line in Path(there).read_text().splitlines())
    assert (facts["CapBnd"], facts["NoNewPrivs"], facts["Seccomp"]) == ("0" * 16, "1", "2")
    authorize = [BIN / "ppg-coordinator", "authorize", "--coordinator", address, "--keys", keys, "ben"]
    colleague = manager.home / "ben"
    make = [BIN / "ppg-coordinator", "keys", colleague, "--user", "ben", "--coordinator-key", keys / "coordinator.key"]
    subprocess.run(make, check=True, capture_output=True)
    subprocess.run([*authorize, colleague / "user.key"], check=True, capture_output=True)
    assert (keys / "authorized" / "ben.key").exists()
