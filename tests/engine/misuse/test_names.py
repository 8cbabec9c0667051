"""Names that can be no file are refused when the job is made, whatever kind of job or invariant gets them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, write

TAKERS: dict[str, Callable[[Any], Any]] = {
    "FileGeneratingJob": lambda name: ppg.FileGeneratingJob(name, write()),
    "TempFileGeneratingJob": lambda name: ppg.TempFileGeneratingJob(name, write()),
    "MultiFileGeneratingJob": lambda name: ppg.MultiFileGeneratingJob(["good", name], write()),
    "CachedDataLoadingJob": lambda name: ppg.CachedDataLoadingJob(name, lambda: 1, lambda value: None),
    "PlotJob": lambda name: ppg.PlotJob(name, lambda: 1, lambda table: None),
    "FileTimeInvariant": ppg.FileTimeInvariant,
    "FileChecksumInvariant": ppg.FileChecksumInvariant,
    "MultiFileInvariant": lambda name: ppg.MultiFileInvariant(["good", name]),
    "depends_on_file": lambda name: ppg.FinalJob("job", lambda: None).depends_on_file(name),
}
DIRECTORIES = [".", "..", "../..", "folder/", "folder/.", "folder/..", "/", "//", "./"]


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("name", DIRECTORIES)
def test_the_name_of_a_directory_is_refused(project: Project, taker: str, name: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="names a directory") as error:
        TAKERS[taker](name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 256, "256 bytes"),
        ("folder/" + "ä" * 128 + "/b", "256 bytes"),
        ("\ud800", "character 0 can't be encoded"),
        ("ab\udfff.txt", "character 2 can't be encoded"),
        ("a\0b", "NUL"),
        ("", "empty string"),
    ],
)
def test_what_no_file_system_takes_is_refused(project: Project, taker: str, name: str, words: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="is no file name") as error:
        TAKERS[taker](name)
    assert words in str(error.value)


def test_a_refused_name_leaves_nothing_behind(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    for name in ("a" * 256, ".", "\ud800", ""):
        with pytest.raises(ppg.JobContractError):
            ppg.PlotJob(name, lambda: 1, lambda table: None)
    assert ppg.util.global_pipegraph.jobs == {}
    assert ppg.util.global_pipegraph.writers == {}


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127 + "b", "..a", "...", "a..", ".a.", "-", "~", "*", "$HOME"])
def test_the_longest_and_the_oddest_names_work(project: Project, name: str) -> None:
    assert project.ran(lambda: ppg.FileGeneratingJob(name, write())) == [name]
    assert project.read(name) == "x"
    assert project.ran(lambda: ppg.FileGeneratingJob(name, write())) == []


def test_the_longest_name_can_be_renamed_to_broken(project: Project) -> None:
    for name in ("a" * 255, "ä" * 127 + "b"):
        assert project.run(lambda name=name: ppg.FileGeneratingJob(name, fail, rename_broken=True)).failed == [name]
    broken = sorted(os.fsencode(path.name) for path in Path().iterdir() if path.name.endswith(".broken"))
    assert len(broken) == 2
    assert all(len(name) <= 255 for name in broken)


def test_an_existing_directory_fails_the_job_that_would_write_it(project: Project) -> None:
    """That there is one may change until the job runs, so it is no contract of the name."""
    Path("a").mkdir()
    Path("a", "precious").write_text("work of years")

    def build(rename_broken: bool) -> None:
        bad = ppg.FileGeneratingJob(project.path / "a", write(), rename_broken=rename_broken)
        ppg.FileGeneratingJob("after", write()).depends_on(bad)
        ppg.FileGeneratingJob("aside", write())

    for rename_broken in (False, True):
        outcome = project.run(lambda rename_broken=rename_broken: build(rename_broken))
        assert (outcome.failed, outcome.pruned) == (["a"], ["after"])
        assert type(outcome.exception("a")) is FileExistsError
        for words in (str(project.path / "a"), "a directory is in its place", "Move it away"):
            assert words in str(outcome.exception("a"))
        assert project.read("a/precious") == "work of years"
        assert project.read("aside") == "x"
    Path("a").rename("elsewhere")
    assert project.ran(lambda: build(False)) == ["a", "after"]
