"""Hosts of their own, in network namespaces: see deploy/three-hosts.sh, of which this is the handle for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "deploy" / "three-hosts.sh"
PATIENCE_S = 120.0
HOSTS = ("head", "one", "two")


def why_not() -> str:
    """Why there can be no such hosts here; nothing where there can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and iproute2"
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"network namespaces can't be made here: {done.stderr.strip()}" if done.returncode != 0 else ""


class ThreeHosts:
    """head, one and two. `up` and `down` are the caller's."""

    def __init__(self, directory: Path, lease_s: float, heartbeat_s: float = 0.2) -> None:
        self.directory = directory
        self.lease_s = lease_s
        self.environment: Mapping[str, str] = {
            **os.environ,
            "PPG_BIN": str(Path(sys.executable).parent),
            "PPG_HEARTBEAT": str(heartbeat_s),
            "PPG_LEASE": str(lease_s),
            "PPG_CONFIG": "/dev/null",
        }

    def do(self, command: str, *arguments: str) -> None:
        """Anything that the script can."""
        subprocess.run(
            [SCRIPT, command, self.directory, *arguments], env=self.environment, check=True, timeout=PATIENCE_S
        )

    def start(
        self, host: str, *command: str, cwd: Path, user: str = "owner", **streams: Any
    ) -> subprocess.Popen[bytes]:
        """A command on a host, with the keys of a user."""
        prefix = [SCRIPT, "run", self.directory, host, "--user", user]
        return subprocess.Popen([*prefix, *command], cwd=cwd, env=self.environment, **streams)

    def pid(self, name: str) -> int:
        """Of `coordinator`, `slave-one`, `slave-one-ann` …"""
        return int((self.directory / f"{name}.pid").read_text())

    def namespace(self, host: str) -> str:
        """Its name, as `ip netns` says it."""
        return f"ppg{(self.directory / 'tag').read_text().strip()}-{host}"
