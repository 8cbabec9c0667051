"""The lambda phage example over three hosts, undisturbed and disturbed, makes the files that it makes on one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

THREE_HOSTS = Path(__file__).parents[2] / "deploy" / "three-hosts.sh"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2")
def test_the_example_survives_what_it_is_said_to_survive(tmp_path: Path) -> None:
    environment = {**os.environ, "PPG_BIN": str(Path(sys.executable).parent), "PPG_HEARTBEAT": "0.2", "PPG_LEASE": "5"}
    done = subprocess.run(
        [THREE_HOSTS, "demo", tmp_path], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("three-hosts.sh: ")]
    assert [line.split()[1] for line in told] == [
        "undisturbed:",
        "slave-killed:",
        "coordinator-restarted:",
        "of-ben:",
        "two-users:",
    ]
