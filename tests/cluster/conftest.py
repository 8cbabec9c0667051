"""Fixtures of the cluster tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .hosts import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Nothing is started yet."""
    cluster = Cluster(tmp_path)
    try:
        yield cluster
    finally:
        cluster.down()
