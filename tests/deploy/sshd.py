"""Hosts to log in to: an sshd each, on loopback, with a host name and a port of its own. Daemons are ended by pid."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from .waiting import PATIENCE_S, free_port, wait_for

SSHD = "/usr/sbin/sshd"


def skip_where_impossible() -> None:
    missing = [program for program in (SSHD, "ssh", "ssh-keygen", "unshare") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing. On Debian and Ubuntu: apt-get install openssh-server")
    if os.geteuid() != 0:
        pytest.skip("only root can give hosts names of their own")


class Hosts:
    """Use it as a context. `ssh`: the command that reaches them by their names."""

    def __init__(self, directory: Path, names: tuple[str, ...]) -> None:
        self.directory = directory
        self._names = names
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.ssh = f"ssh -F {directory / 'ssh_config'}"

    def __enter__(self) -> Hosts:
        self.directory.mkdir()
        Path("/run/sshd").mkdir(exist_ok=True)  # Debian's sshd insists on it
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / key)], check=True)
        ports = {name: free_port() for name in self._names}
        (self.directory / "ssh_config").write_text(self._client_configuration(ports))
        try:
            for name, port in ports.items():
                self._start(name, port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self._daemons.values():
            daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons.values():
            daemon.wait(PATIENCE_S)

    def _start(self, name: str, port: int) -> None:
        configuration = self.directory / f"sshd_config.{name}"
        home = self.home(name)
        home.mkdir()
        configuration.write_text(f"""
Port {port}
ListenAddress 127.0.0.1
HostKey {self.directory / "host"}
AuthorizedKeysFile {self.directory / "user.pub"}
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
SetEnv HOME={home}
""")
        with_name = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name]
        with (self.directory / f"sshd-{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [*with_name, SSHD, "-D", "-e", "-f", str(configuration)], stdin=subprocess.DEVNULL, stderr=log
            )
        wait_for(lambda: self._answers(name), (self.directory / f"sshd-{name}.log").read_text)

    def _answers(self, name: str) -> bool:
        return self.call(name, "true").returncode == 0

    def home(self, name: str) -> Path:
        """What ~ is there."""
        return self.directory / f"home-{name}"

    def call(self, name: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there."""
        return subprocess.run([*self.ssh.split(), name, command], capture_output=True, text=True)

    def down(self, name: str) -> None:
        """Nobody can log in there any more."""
        daemon = self._daemons.pop(name)
        daemon.terminate()
        daemon.wait(PATIENCE_S)

    def _client_configuration(self, ports: dict[str, int]) -> str:
        known = f"""
Host *
HostName 127.0.0.1
User root
IdentityFile {self.directory / "user"}
IdentitiesOnly yes
StrictHostKeyChecking no
UserKnownHostsFile {self.directory / "known_hosts"}
LogLevel ERROR
"""
        return "".join(f"Host {name}\nPort {port}\n" for name, port in ports.items()) + known
