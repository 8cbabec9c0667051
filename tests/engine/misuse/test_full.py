"""Jobs on a file system without room: they fail with the system's words, half-written files go, the rest goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write

ROOM_BYTES = 1 << 20


@pytest.fixture
def small(project: Project) -> Iterator[Path]:
    """A directory `small` with room for a megabyte."""
    path = project.path / "small"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES},nr_inodes=20", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def build(size_bytes: int, rename_broken: bool = False) -> None:
    bad = ppg.FileGeneratingJob("small/a", write("x" * size_bytes), rename_broken=rename_broken)
    ppg.FileGeneratingJob("after", write()).depends_on(bad)
    ppg.FileGeneratingJob("small/b", write("x" * 1000)).depends_on(bad)
    ppg.FileGeneratingJob("aside", write())


def test_a_full_disk_fails_the_job_and_frees_what_it_took(project: Project, small: Path) -> None:
    for rename_broken in (False, True):
        outcome = project.run(lambda rename_broken=rename_broken: build(2 * ROOM_BYTES, rename_broken))
        assert (outcome.failed, outcome.pruned) == (["small/a"], ["after", "small/b"])
        error = outcome.exception("small/a")
        assert isinstance(error, OSError)
        assert "No space left on device" in str(error)
        assert sorted(os.listdir(small)) == (["a.broken"] if rename_broken else [])
    (small / "a.broken").unlink()
    assert project.ran(lambda: build(1000)) == ["after", "small/a", "small/b"]
    assert project.ran(lambda: build(1000)) == []


def test_a_file_left_open_that_does_not_fit_is_no_success(project: Project, small: Path) -> None:
    """The last bytes are written when the file is closed, or by the engine, where the callback forgot to."""

    def forgetful(path: str) -> None:
        global FILE
        FILE = open(path, "w", buffering=4 * ROOM_BYTES)  # noqa: SIM115
        FILE.write("x" * 2 * ROOM_BYTES)

    outcome = project.run(lambda: ppg.FileGeneratingJob("small/a", forgetful))
    assert outcome.failed == ["small/a"]
    assert "No space left on device" in str(outcome.exception("small/a"))
    assert os.listdir(small) == []


def test_without_inodes_no_file_can_be_made(project: Project, small: Path) -> None:
    for number in range(os.statvfs(small).f_favail):
        (small / f"filler{number}").touch()
    outcome = project.run(lambda: build(10))
    assert outcome.failed == ["small/a"]
    assert "aside" in outcome.ran
    (small / "filler0").unlink()
    (small / "filler1").unlink()
    assert project.ran(lambda: build(10)) == ["after", "small/a", "small/b"]


def test_a_full_cache_fails_the_calculation(project: Project, small: Path) -> None:
    def cached(size_bytes: int) -> None:
        value = ppg.CachedDataLoadingJob("small/value", lambda: bytes(size_bytes), lambda value: None)
        ppg.FileGeneratingJob("a", write()).depends_on(value)

    assert project.run(lambda: cached(2 * ROOM_BYTES)).failed == ["small/value"]
    assert os.listdir(small) == []
    assert project.ran(lambda: cached(1000)) == ["a", "small/value", "small/value_load"]


def test_a_log_that_finds_no_room_stops_nothing_and_is_told(project: Project, small: Path, capfd: Any) -> None:
    (small / "filler").write_bytes(b"x" * ROOM_BYTES)
    made = project.ran(lambda: ppg.FileGeneratingJob("a", write()), log_file=small / "log", quiet=False)
    assert made == ["a"]
    told = capfd.readouterr().err
    assert f"the log {small / 'log'}" in told
    assert "No space left on device" in told
