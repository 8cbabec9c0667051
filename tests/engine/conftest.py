"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pypipegraph as ppg

from .project import Project
from .scripts import Scripts
from .unprivileged import Unprivileged


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project directory, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    yield Project(tmp_path)
    ppg.destroy_global_pipegraph()


@pytest.fixture
def scripts(project: Project) -> Iterator[Scripts]:
    """Scripts in processes of their own; what still runs at the end is killed."""
    started = Scripts(project.path)
    yield started
    started.end()


@pytest.fixture
def as_nobody(project: Project) -> Iterator[Unprivileged]:
    """Stories told by a user without privileges, each in a child process."""
    unprivileged = Unprivileged(project)
    yield unprivileged
    unprivileged.end()
