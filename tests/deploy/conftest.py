"""Fixtures of the launchers' tests: a coordinator, and a batch system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .head import Head
from .slurm import Slurm, skip_where_impossible

LONGEST = "test_the_example_survives_what_it_is_said_to_survive"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """It comes first: at the end of a session, one worker would be busy with it and all others with nothing."""
    items.sort(key=lambda item: item.name != LONGEST)


@pytest.fixture
def head(tmp_path: Path) -> Iterator[Head]:
    """A coordinator on this machine, and a directory that all hosts see."""
    head = Head(tmp_path)
    try:
        head.begin()
        yield head
    finally:
        head.end()


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """Two nodes that wait for jobs."""
    skip_where_impossible()
    with Slurm() as cluster:
        yield cluster
