"""Invariant preserving jobs."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from engine.project import Project, write

import pypipegraph as ppg
from ppg_mcp.graph import STATUS_FILENAME
from ppg_mcp.store import StatusStore


def test_parameter_invariant(project: Project) -> None:
    """Encapsulate a tuple defining some parameters to another job. If the parameters change, dependend jobs are
    redone.
    """

    def build(*parameters: object) -> None:
        ppg.FileGeneratingJob("a", write()).depends_on(ppg.ParameterInvariant("a", parameters))
        ppg.FileGeneratingJob("b", write())

    assert project.ran(partial(build, "hg38", 0.05)) == ["a", "b"]
    assert project.ran(partial(build, "hg38", 0.05)) == []
    assert project.ran(partial(build, "hg38", 0.01)) == ["a"]


def test_file_time_invariant(project: Project) -> None:
    """Capture the file modification time of an input file."""
    Path("in").write_text("x")

    def build() -> None:
        ppg.FileGeneratingJob("a", write()).depends_on(ppg.FileTimeInvariant("in"))

    assert project.ran(build) == ["a"]
    assert project.ran(build) == []
    os.utime("in", ns=(1, 1))
    assert project.ran(build) == ["a"]


def checksum() -> None:
    ppg.FileGeneratingJob("a", write()).depends_on(ppg.FileChecksumInvariant("in"))


def test_file_checksum_invariant(project: Project) -> None:
    """Capture the file modification time, file size and the md5 sum of a file. If the size changes, invalidate
    dependands. If the time changes, check md5, if it changed, invalidate dependands.
    """
    Path("in").write_text("x")
    assert project.ran(checksum) == ["a"]
    assert project.ran(checksum) == []
    Path("in").write_text("longer")
    assert project.ran(checksum) == ["a"]
    Path("in").write_text("LONGER")
    assert project.ran(checksum) == ["a"]
    os.utime("in", ns=(1, 1))
    assert project.ran(checksum) == []


def test_its_time_is_remembered(project: Project) -> None:
    """Otherwise, update internal file modification time."""

    def remembered_ns() -> list[int]:
        store = StatusStore.open(project.path / STATUS_FILENAME)
        try:
            return [mtime_ns for path, (_, mtime_ns, *_) in store.checksums().items() if path.endswith("/in")]
        finally:
            store.close(clean=True)

    Path("in").write_text("x")
    project.ran(checksum)
    assert remembered_ns() == [os.stat("in").st_mtime_ns]
    os.utime("in", ns=(1, 1))
    assert project.ran(checksum) == []
    assert remembered_ns() == [1]


def test_function_invariant(project: Project) -> None:
    """Compare (slightly sanitized) byte code of arbitrary python functions to its last definition. If it changed:
    invalidate dependands.
    """

    def first(x: int) -> int:
        return x + 1

    def same(x: int) -> int:
        """With a docstring."""
        return x + 1  # and a comment

    def other(x: int) -> int:
        return x + 2

    def build(function: object) -> None:
        ppg.FileGeneratingJob("a", write()).depends_on(ppg.FunctionInvariant("function", function))

    assert project.ran(partial(build, first)) == ["a"]
    assert project.ran(partial(build, same)) == []
    assert project.ran(partial(build, other)) == ["a"]
