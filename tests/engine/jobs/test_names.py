"""Names of files: "its path relative to the directory of `new_pipegraph()` (a `pathlib.Path` is accepted)"."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, copy, write

NAMES = ["with space", "ünïcødé", "日本語", "line\nbreak", "tab\there", "quote'\"", "-rf", "a:b", "%s {x}", "\udcff"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_name_that_a_file_may_have(project: Project, name: str) -> None:
    def build() -> None:
        first = ppg.FileGeneratingJob(name, write("hello"))
        ppg.FileGeneratingJob("copy", copy(name)).depends_on(first)

    assert project.ran(build) == sorted([name, "copy"])
    assert project.read("copy") == "hello"
    assert project.ran(build) == []
    os.unlink(name)
    assert project.ran(build) == sorted([name, "copy"])


def test_the_same_file_under_other_spellings_is_one_job(project: Project) -> None:
    def build() -> None:
        callback = write()
        jobs = [ppg.FileGeneratingJob(n, callback) for n in ("a", "./a", ".//a", str(project.path / "a"), Path("a"))]
        assert {id(job) for job in jobs} == {id(jobs[0])}

    assert project.ran(build) == ["a"]


def test_a_change_of_spelling_reruns_nothing(project: Project) -> None:
    callback = write()
    assert project.ran(lambda: ppg.FileGeneratingJob("a", callback)) == ["a"]
    for given in (Path("a"), "./a", project.path / "a"):
        assert project.ran(lambda given=given: ppg.FileGeneratingJob(given, callback)) == []


def test_a_file_outside_of_the_project_keeps_its_absolute_name(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "a"

    def build() -> None:
        ppg.FileGeneratingJob(path, write())

    assert project.ran(build) == [str(path)]
    assert path.read_text() == "x"
    assert project.ran(build) == []


def test_the_parent_directory_is_spelled_relatively(project: Project) -> None:
    Path("below").mkdir()
    os.chdir("below")
    Path("logs").mkdir()

    def build() -> None:
        ppg.FileGeneratingJob("../a", write())

    assert project.ran(build) == ["../a"]
    assert project.ran(build) == []


def test_names_are_relative_to_where_the_pipegraph_was_made(project: Project) -> None:
    """ "…relative to the directory of `new_pipegraph()`", wherever the script goes afterwards."""
    Path("below").mkdir()

    def build() -> None:
        callback = write()
        ppg.FileGeneratingJob("a", callback)
        os.chdir("below")
        ppg.FileGeneratingJob("b", callback)

    try:
        ppg.new_pipegraph(quiet=True)
        build()
        ppg.run()
        os.chdir(project.path)
        assert sorted(path.name for path in Path().iterdir() if path.is_file() and len(path.name) == 1) == ["a", "b"]
        assert list(Path("below").iterdir()) == []
        ppg.new_pipegraph(quiet=True)
        build()
        ppg.run()
        assert not any(job.was_run for job in ppg.util.global_pipegraph.jobs.values())
    finally:
        os.chdir(project.path)


@pytest.mark.parametrize("nonsense", [None, 5, b"a", 1.5, ["a"], object()])
def test_ids_are_str_or_path(project: Project, nonsense: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    for make in (
        lambda: ppg.FileGeneratingJob(nonsense, write()),
        lambda: ppg.TempFileGeneratingJob(nonsense, write()),
        lambda: ppg.DataLoadingJob(nonsense, lambda: None),
        lambda: ppg.JobGeneratingJob(nonsense, lambda: None),
        lambda: ppg.FinalJob(nonsense, lambda: None),
        lambda: ppg.FileTimeInvariant(nonsense),
        lambda: ppg.FileChecksumInvariant(nonsense),
        lambda: ppg.MultiFileInvariant([nonsense]),
        lambda: ppg.ParameterInvariant(nonsense, 1),
        lambda: ppg.FunctionInvariant(nonsense, write),
        lambda: ppg.CachedDataLoadingJob(nonsense, lambda: 1, lambda value: None),
        lambda: ppg.PlotJob(nonsense, lambda: 1, lambda value: None),
    ):
        with pytest.raises(ppg.JobContractError, match="str or a pathlib"):
            make()
    assert ppg.util.global_pipegraph.jobs == {}


@pytest.mark.parametrize("name", ["", "a\0b", "folder/", "/"])
def test_what_can_be_no_file_name_is_refused(project: Project, name: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError):
        ppg.FileGeneratingJob(name, write())
