"""`ppg-coordinator` on the command line: help, usage errors, keys, addresses; each error says what to do."""

from __future__ import annotations

import re
import socket
import stat
from pathlib import Path

import pytest
from loopback import run

COMMANDS = ("keys", "serve", "status", "authorize", "revoke", "drain", "undrain")


def test_help_is_complete() -> None:
    text = run("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s+\w", text, re.MULTILINE), text
        own = run(command, "--help")
        assert own.returncode == 0
        assert "exit codes: 0 done; 1 failed or refused" in own.stdout
        for line in re.findall(r"^  (--\w[\w-]*) [A-Z]+$", own.stdout, re.MULTILINE):
            assert line in own.stdout
    for variable in ("PPG_LISTEN", "PPG_KEYS", "PPG_GRACE", "PPG_HEARTBEAT", "PPG_SILENCE", "PPG_LEASE"):
        assert variable in run("serve", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "required: {keys,serve,status,"),
        (("dance",), "dance"),
        (("status", "--coordinator", "tcp://127.0.0.1:1"), "--keys is needed"),
        (("status", "--keys", "x"), "--coordinator is needed"),
        (("status", "--keys", "x", "--coordinator", "head:7700"), "write tcp://ADDRESS:PORT"),
        (("status", "--keys", "x", "--coordinator", "ipc:///tmp/x"), "no address between machines"),
        (("serve", "--keys", "x", "--grace", "soon"), "--grace is 'soon', which can't be"),
        (("serve", "--keys", "x", "--heartbeat", "5", "--silence", "1"), "--silence (1 s) must be longer"),
        (("serve", "--keys", "x", "--heartbeat", "5", "--lease", "9"), "--silence (3 s) must be longer"),
        (("keys", "x", "--user", "ann"), "go together"),
        (("drain",), "HOST"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], expected: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_are_made_once_for_an_owner_and_for_colleagues(tmp_path: Path) -> None:
    owner, ann = tmp_path / "owner", tmp_path / "ann"
    assert run("keys", str(owner)).returncode == 0
    assert stat.S_IMODE(owner.stat().st_mode) == 0o700
    again = run("keys", str(owner))
    assert again.returncode == 1
    assert "not an empty directory" in again.stderr
    done = run("keys", str(ann), "--user", "ann", "--coordinator-key", str(owner / "coordinator.key"))
    assert done.returncode == 0
    assert f"ppg-coordinator authorize ann {ann}/user.key" in done.stdout
    served = run("serve", "--keys", str(ann), "--listen", "tcp://127.0.0.1:*")
    assert served.returncode == 1
    assert "not the key directory of a coordinator's owner" in served.stderr


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    owner = tmp_path / "owner"
    run("keys", str(owner))
    owner.chmod(0o750)
    for arguments in (("serve",), ("status", "--coordinator", "tcp://127.0.0.1:1")):
        done = run(*arguments, "--keys", str(owner))
        assert done.returncode == 1
        assert f"chmod 700 {owner}" in done.stderr
    missing = run("serve", "--keys", str(tmp_path / "missing"))
    assert missing.returncode == 1
    assert "No such file" in missing.stderr


def test_an_address_in_use_and_one_where_nobody_is(tmp_path: Path) -> None:
    owner = tmp_path / "owner"
    run("keys", str(owner))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        done = run("serve", "--keys", str(owner), "--listen", endpoint)
        assert done.returncode == 1
        assert f"can't listen at {endpoint}: Address already in use" in done.stderr
        silent = run("status", "--keys", str(owner), "--coordinator", endpoint, "--timeout", "0.5")
        assert silent.returncode == 3
    done = run("status", "--keys", str(owner), "--coordinator", endpoint, "--timeout", "3")
    assert done.returncode == 3
    assert "nobody answers" in done.stderr


def test_settings_come_from_environment_and_file(tmp_path: Path) -> None:
    file = tmp_path / "ppg.toml"
    file.write_text(f'[ppg-coordinator]\ncoordinator = "tcp://127.0.0.1:1"\nkeys = "{tmp_path}/none"\n')
    done = run("status", "--config", str(file))
    assert done.returncode == 1
    assert f"{tmp_path}/none" in done.stderr
    file.write_text("[ppg-coordinator]\ncoordinatr = 1\n")
    done = run("status", "--config", str(file))
    assert done.returncode == 2
    assert "coordinatr" in done.stderr


def test_a_home_directory_may_be_short_in_places_that_no_shell_reads(tmp_path: Path) -> None:
    file = tmp_path / "ppg.toml"
    file.write_text('[ppg-coordinator]\ncoordinator = "tcp://127.0.0.1:1"\nkeys = "~/none"\n')
    assert f"the key directory {Path.home()}/none" in run("status", "--config", str(file)).stderr
