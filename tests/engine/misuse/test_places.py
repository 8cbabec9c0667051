"""One file under two names, through directories that are symbolic links, is one file too many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, write, write_all


@pytest.fixture
def linked(project: Project) -> Project:
    """`link` is another name of the directory `real`."""
    Path("real").mkdir()
    os.symlink("real", "link")
    return project


def test_two_jobs_for_one_file_are_refused_when_the_second_is_made(linked: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    callback = write()
    ppg.FileGeneratingJob("real/a", callback)
    for other in ("link/a", linked.path / "link" / "a", "./link//a"):
        with pytest.raises(ppg.JobContractError, match="symbolic links make both") as error:
            ppg.FileGeneratingJob(other, callback)
        for words in ("'link/a'", "FileGeneratingJob('real/a')", str(linked.path / "real/a"), "Use one name"):
            assert words in str(error.value)
    with pytest.raises(ppg.JobContractError, match="symbolic links make both"):
        ppg.MultiFileGeneratingJob(["b", "link/a"], write_all())
    assert set(ppg.util.global_pipegraph.jobs) == {"real/a", "real/a_func"}


def test_other_files_of_the_same_directory_are_fine(linked: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("real/a", write())
        ppg.FileGeneratingJob("link/b", write())
        ppg.FileGeneratingJob("a", write())

    assert linked.ran(build) == ["a", "link/b", "real/a"]
    assert linked.ran(build) == []
    assert sorted(os.listdir("real")) == ["a", "b"]


def test_a_job_of_several_files_may_not_write_one_twice(linked: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="symbolic links make both"):
        ppg.MultiFileGeneratingJob(["real/a", "link/a"], write_all())


def test_links_that_are_made_later_are_seen_when_the_run_starts(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("one/a", write())
    ppg.FileGeneratingJob("two/a", write())
    Path("one").mkdir()
    os.symlink("one", "two")
    with pytest.raises(ppg.JobContractError, match="symbolic links make both"):
        ppg.run()
    assert os.listdir("one") == [], "nothing was run"
    os.unlink("two")
    Path("two").mkdir()
    ppg.run()
    assert (project.read("one/a"), project.read("two/a")) == ("x", "x")


def test_a_generator_that_does_so_is_refused(linked: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("real/a", write())
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("link/a", write("other")))

    outcome = linked.run(build)
    assert outcome.failed == ["generator"]
    assert "symbolic links make both" in str(outcome.exception("generator"))
    assert "link/a" not in outcome.graph.jobs
    assert linked.read("real/a") == "x"


def test_of_two_generators_that_do_so_together_one_is_refused(linked: Project) -> None:
    def build() -> None:
        ppg.JobGeneratingJob("one", lambda: ppg.FileGeneratingJob("real/a", write("x")))
        ppg.JobGeneratingJob("two", lambda: ppg.FileGeneratingJob("link/a", write("x")))

    outcome = linked.run(build)
    assert outcome.failed in (["one"], ["two"])
    assert "symbolic links make both" in str(outcome.error)
    assert linked.read("real/a") == "x"


def test_a_link_may_be_moved_without_redoing_anything(linked: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("link/a", write())

    assert linked.ran(build) == ["link/a"]
    os.rename("real", "scratch")
    os.unlink("link")
    os.symlink("scratch", "link")
    assert linked.ran(build) == []


def test_a_link_to_the_project_itself_is_another_name_too(project: Project) -> None:
    os.symlink(".", "here")
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", write())
    with pytest.raises(ppg.JobContractError, match="symbolic links make both"):
        ppg.FileGeneratingJob("here/here/a", write())
