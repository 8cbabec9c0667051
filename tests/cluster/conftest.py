"""Fixtures of the cluster tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hosts import UNSHARE, Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Nothing is started yet."""
    cluster = Cluster(tmp_path)
    try:
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def namespaces() -> None:
    """Hosts with mounts and a name of their own, see `Cluster.slave`; skips where that can't be had."""
    if shutil.which(UNSHARE[0]) is None:
        pytest.skip("there is no unshare (util-linux)")
    probe = "mount -t tmpfs none /mnt && hostname probe"
    done = subprocess.run([*UNSHARE, probe], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount and host name namespaces can't be made here: {done.stderr.strip()}")
