"""A systemd that manages services of this user, on a machine that was not booted with systemd.

It wants to find a booted system, so it gets a /run of its own in a mount namespace; and control groups of its own, in
the hierarchy that is named after it. Home directory and sockets are in the test's directory; it is ended by pid.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from .head import BIN
from .waiting import PATIENCE_S, wait_for

SYSTEMD = "/lib/systemd/systemd"
GROUPS = Path("/sys/fs/cgroup/systemd")
BEGIN = """
mkdir "$0" && echo $$ > "$0/cgroup.procs" && mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system &&
exec "$@"
"""


def skip_where_impossible() -> None:
    missing = [program for program in (SYSTEMD, "systemctl", "unshare", "nsenter") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing. On Debian and Ubuntu: apt-get install systemd")
    if Path("/run/systemd/system").exists():
        pytest.skip("this machine was booted with systemd, whose control groups a second one should not touch")
    if os.geteuid() != 0 or not os.access(GROUPS / "cgroup.procs", os.W_OK):
        pytest.skip(f"systemd needs control groups; {GROUPS} can't be written")


class UserManager:
    """Use it as a context. `home`: the home directory, with a link to the programs in .venv/bin."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self._run = directory / "run"
        self._log = directory / "systemd.log"
        self._group = GROUPS / f"ppg-test-{os.getpid()}"
        self._manager: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> UserManager:
        (self.home / ".venv").mkdir(parents=True)
        (self.home / ".venv" / "bin").symlink_to(BIN)
        self._run.mkdir(mode=0o700)
        command = ["unshare", "--mount", "sh", "-c", BEGIN, str(self._group), SYSTEMD, "--user", "--unit=basic.target"]
        with self._log.open("wb") as log:
            self._manager = subprocess.Popen(
                [*command, "--log-target=console"], env=self._environment, stdin=subprocess.DEVNULL, stderr=log
            )
        wait_for(lambda: self.systemctl("is-system-running").stdout == "running\n", self._log.read_text)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._manager is not None
        self._manager.send_signal(signal.SIGTERM)
        try:
            self._manager.wait(PATIENCE_S)
        finally:
            self._manager.kill()
            wait_for(self._no_groups)

    def _no_groups(self) -> bool:
        """Are those gone that it had? It removes them itself, unless it crashed. One in which somebody dies is busy."""
        with contextlib.suppress(OSError):
            for group in [*sorted(self._group.rglob("*/"), reverse=True), self._group]:
                group.rmdir()
        return not self._group.exists()

    @property
    def _environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self._run), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}

    def install(self, unit: Path, environment_file: str, settings: dict[str, str]) -> None:
        """As the guide says: the unit, and its environment file."""
        units = self.home / ".config" / "systemd" / "user"
        units.mkdir(parents=True, exist_ok=True)
        shutil.copy(unit, units)
        folder = self.home / ".config" / "pypipegraph"
        folder.mkdir(exist_ok=True)
        (folder / environment_file).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.must("daemon-reload")

    def systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`systemctl --user …`"""
        assert self._manager is not None
        assert self._manager.poll() is None, self._log.read_text()
        there = ["nsenter", "--mount", f"--target={self._manager.pid}", "systemctl", "--user", "--no-pager"]
        return subprocess.run([*there, *arguments], env=self._environment, capture_output=True, text=True)

    def must(self, *arguments: str) -> str:
        """The same, which must succeed."""
        done = self.systemctl(*arguments)
        status = self.systemctl("status", *arguments[1:]).stdout if done.returncode else ""
        assert done.returncode == 0, f"{arguments}: {done.stderr}{status}{self.log()}"
        return done.stdout.strip()

    def fact(self, unit: str, name: str) -> str:
        """A property of a unit, as MainPID."""
        return self.must("show", "--value", f"--property={name}", unit)

    def log(self) -> str:
        """What it and its services said."""
        return self._log.read_text(errors="replace")[-3000:]
