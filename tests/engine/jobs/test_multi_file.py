"""MultiFileGeneratingJob: "just that multiple (defined) files are checked and produced"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write, write_all


def test_its_id_is_the_sorted_paths_joined_by_colons(project: Project) -> None:
    def build() -> None:
        ppg.MultiFileGeneratingJob(["b", Path("a"), "./c"], write_all())

    outcome = project.run(build)
    assert outcome.ran == ["a:b:c"]
    assert [project.read(name) for name in "abc"] == ["x", "x", "x"]
    assert project.ran(build) == []


def test_the_callback_gets_the_paths_in_the_order_given(project: Project) -> None:
    def callback(paths: Any) -> None:
        assert paths == ["b", Path("a")]
        write_all()(paths)

    assert project.ran(lambda: ppg.MultiFileGeneratingJob(["b", Path("a")], callback)) == ["a:b"]


def test_or_no_argument(project: Project) -> None:
    def callback() -> None:
        write_all()(["a", "b"])

    assert project.ran(lambda: ppg.MultiFileGeneratingJob(("a", "b"), callback)) == ["a:b"]


def test_an_iterator_of_paths_is_fine(project: Project) -> None:
    def names() -> Iterator[str]:
        yield from "ab"

    assert project.ran(lambda: ppg.MultiFileGeneratingJob(names(), write_all())) == ["a:b"]


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_the_loss_of_one_file_makes_all_again(project: Project, how: str) -> None:
    def build() -> None:
        ppg.MultiFileGeneratingJob(["a", "b"], write_all())

    project.run(build)
    if how == "missing":
        os.unlink("b")
    else:
        Path("b").write_text("")
    outcome = project.run(build)
    assert outcome.ran == ["a:b"]
    assert outcome.reason("a:b") == f"its output is {how}"
    assert (project.read("a"), project.read("b")) == ("x", "x")


def test_one_file_not_made_fails_the_job_and_removes_the_others(project: Project) -> None:
    outcome = project.run(lambda: ppg.MultiFileGeneratingJob(["a", "b"], lambda: write()("a")))
    assert outcome.failed == ["a:b"]
    assert isinstance(outcome.exception("a:b"), ppg.JobContractError)
    assert "b" in str(outcome.exception("a:b"))
    assert not Path("a").exists()


@pytest.mark.parametrize("name", ["empty_ok", "empty_file_allowed", "empty_files_ok"])
def test_one_empty_file_is_a_result_only_where_the_job_says_so(project: Project, name: str) -> None:
    def callback() -> None:
        Path("a").write_text("x")
        Path("b").write_text("")

    outcome = project.run(lambda: ppg.MultiFileGeneratingJob(["a", "b"], callback))
    assert isinstance(outcome.exception("a:b"), ppg.JobContractError)

    def build() -> None:
        ppg.MultiFileGeneratingJob(["a", "b"], callback, **{name: True})

    assert project.ran(build) == ["a:b"]
    assert project.ran(build) == []


def test_rename_broken_renames_all_that_was_written(project: Project) -> None:
    def callback() -> None:
        write_all()(["a", "b"])
        raise ValueError

    project.run(lambda: ppg.MultiFileGeneratingJob(["a", "b", "c"], callback, rename_broken=True))
    assert sorted(path.name for path in Path().glob("?.*")) == ["a.broken", "b.broken"]


def test_one_more_file_is_another_job(project: Project) -> None:
    project.run(lambda: ppg.MultiFileGeneratingJob(["a", "b"], write_all()))
    assert project.ran(lambda: ppg.MultiFileGeneratingJob(["a", "b", "c"], write_all())) == ["a:b:c"]


def test_a_dependant_is_redone_with_it(project: Project) -> None:
    def build(text: str) -> None:
        ppg.FileGeneratingJob("c", write()).depends_on(ppg.MultiFileGeneratingJob(["a", "b"], write_all(text)))

    assert project.ran(lambda: build("1")) == ["a:b", "c"]
    assert project.ran(lambda: build("1")) == []
    assert project.ran(lambda: build("2")) == ["a:b", "c"]


@pytest.mark.parametrize(("paths", "words"), [("ab", "list of files"), ([], "at least one"), (["a", "./a"], "twice")])
def test_nonsense_is_refused(project: Project, paths: Any, words: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=words):
        ppg.MultiFileGeneratingJob(paths, write_all())
