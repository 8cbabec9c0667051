"""ppg-slave: its options, and what it says of wrong ones. The rest of it is in the stories of sessions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ppg_cs import machine
from ppg_cs.slave.command import OPTIONS, PROGRAM, UNUSABLE, read_arguments, run, slave_settings
from ppg_cs.slave.settings import SlaveSettings
from ppg_protocol.keys import make_owner_keys
from ppg_protocol.options import read_settings

NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_owner_keys(tmp_path / "keys")
    return tmp_path / "keys"


def settings(arguments: list[str], environment: dict[str, str]) -> SlaveSettings:
    """As the command reads them."""
    return slave_settings(read_settings(read_arguments(arguments), PROGRAM, OPTIONS, environment))


def test_by_default_it_offers_what_this_machine_has(keys: Path) -> None:
    found = settings(["--coordinator", NOWHERE, "--keys", str(keys)], {"HOME": "/nowhere"})
    assert (found.machine_id, found.cores) == (machine.machine_id(), machine.cores())
    assert found.memory_bytes == machine.memory_bytes()
    assert (found.heartbeat_s, found.lease_s, found.drain_s) == (2.0, 60.0, 600.0)
    assert (found.silence_s, found.await_files_s) == (20.0, 60.0)


def test_each_option_from_the_command_line_the_environment_or_a_file(keys: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[ppg-slave]\ncores = 3\nmemory = "2G"\nlease = 7.5\n')
    environment = {"PPG_COORDINATOR": NOWHERE, "PPG_KEYS": str(keys), "PPG_SLAVE_MEMORY": "4G", "PPG_LEASE": "8"}
    found = settings(["--config", str(config), "--lease", "9", "--machine-id", "me"], environment)
    assert (found.machine_id, found.cores, found.memory_bytes, found.lease_s) == ("me", 3, 4 << 30, 9.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--coordinator is needed"),
        (["--coordinator", "head"], "tcp://HOST:PORT"),
        (["--coordinator", "tcp://head"], "tcp://HOST:PORT"),
        (["--coordinator", NOWHERE], "--keys is needed"),
        (["--coordinator", NOWHERE, "--keys", "/nowhere"], "/nowhere: No such file or directory; your own keys"),
        (["--coordinator", NOWHERE, "--cores", "0"], "whole number from 1"),
        (["--coordinator", NOWHERE, "--memory", "much"], "64G"),
        (["--coordinator", NOWHERE, "--lease", "3"], "longer than two of --heartbeat"),
        (["--coordinator", NOWHERE, "--log-level", "loud"], "choose one of debug"),
        (["--coordinator", NOWHERE, "--machine-id", "a\nb"], "printable"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments, {"HOME": "/nowhere"}) == UNUSABLE
    assert words in capsys.readouterr().err


def test_keys_that_others_may_read_are_refused(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys.chmod(0o750)
    assert run(["--coordinator", NOWHERE, "--keys", str(keys)], {"HOME": "/nowhere"}) == UNUSABLE
    assert str(keys) in capsys.readouterr().err


def test_help_tells_of_every_option_exit_code_and_signal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        read_arguments(["--help"])
    assert leaving.value.code == 0
    text = capsys.readouterr().out
    wanted: list[Any] = [option.flag for option in OPTIONS] + [option.variable for option in OPTIONS]
    assert [one for one in (*wanted, "SIGTERM", "  3  ", "  4  ") if one not in text] == []
    assert "(PPG_KEYS; required)" in " ".join(text.split())


def test_it_goes_on_trying_a_coordinator_that_is_not_there(keys: Path) -> None:
    environment = {**os.environ, "PPG_HEARTBEAT": "0.1", "PPG_LEASE": "1", "PPG_CONFIG": ""}
    command = [sys.executable, "-m", "ppg_cs.slave.command", "--coordinator", NOWHERE, "--keys", str(keys)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        line = ""
        while "trying on" not in line:
            line = daemon.stderr.readline()
            assert line, "it ended"
        assert NOWHERE in line
        daemon.send_signal(signal.SIGINT)
        daemon.communicate()
        assert daemon.returncode == 0
