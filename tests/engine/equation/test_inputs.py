"""`record.inputs != {input id: fp(input) now}`: changed, added and removed inputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, version, write


def chain(value: object) -> None:
    """a -> b -> c; only a has a parameter."""
    a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
    b = ppg.FileGeneratingJob("b", copy("a")).depends_on(a)
    ppg.FileGeneratingJob("c", copy("b")).depends_on(b)


def test_a_changed_parameter_redoes_the_job_and_all_downstream(project: Project) -> None:
    project.run(lambda: chain(1))
    outcome = project.run(lambda: chain(2))
    assert outcome.ran == ["a", "b", "c"]
    assert outcome.reason("a") == "'PIa' changed (value: 1 -> 2)"
    assert outcome.reason("b") == "'a' is redone"
    assert outcome.reason("c") == "'b' is redone"


def test_parameters_flipped_forth_and_back_redo_each_time(project: Project) -> None:
    """The files are those of the last parameters, so going back is a change like any other."""
    for value in (1, 2, 1, 2):
        assert project.ran(lambda value=value: chain(value)) == ["a", "b", "c"]
        assert project.ran(lambda value=value: chain(value)) == []


def test_parameters_flipped_while_the_job_is_absent_are_compared_with_its_record(project: Project) -> None:
    """ "Rows of jobs absent from today's graph are kept.\""""
    project.run(lambda: chain(1))
    assert project.ran(lambda: ppg.FileGeneratingJob("other", write())) == ["other"]
    assert project.ran(lambda: chain(1)) == []
    assert project.ran(lambda: chain(2)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("then", "now"), [(1, 1.0), (1, True), ((1, 2), [1, 2]), ("1", b"1"), ({1: 2}, {2: 1}), (None, ()), ("a", "A")]
)
def test_parameters_are_compared_by_type_and_content(project: Project, then: object, now: object) -> None:
    project.run(lambda: chain(then))
    assert project.ran(lambda: chain(now)) == ["a", "b", "c"]


def test_equal_parameters_in_another_order_are_equal(project: Project) -> None:
    project.run(lambda: chain({"x": {3, 1, 2}, "y": 0.1}))
    assert project.ran(lambda: chain({"y": 0.1, "x": {2, 1, 3}})) == []


def test_an_added_and_a_removed_input_redo_the_job(project: Project) -> None:
    def build(names: str) -> None:
        last = ppg.FileGeneratingJob("z", write())
        for name in names:
            last.depends_on(ppg.FileGeneratingJob(name, write()))

    assert project.ran(lambda: build("a")) == ["a", "z"]
    outcome = project.run(lambda: build("ab"))
    assert outcome.ran == ["b", "z"]
    assert project.ran(lambda: build("ab")) == []
    outcome = project.run(lambda: build("a"))
    assert outcome.ran == ["z"]
    assert outcome.reason("z") == "input 'b' is gone"
    assert Path("b").exists()


def test_a_new_input_that_need_not_run_is_named(project: Project) -> None:
    def build(names: str) -> None:
        files = {name: ppg.FileGeneratingJob(name, write()) for name in "ab"}
        ppg.FileGeneratingJob("z", write()).depends_on(files[name] for name in names)

    project.run(lambda: build("a"))
    outcome = project.run(lambda: build("ab"))
    assert outcome.ran == ["z"]
    assert outcome.reason("z") == "new input 'b'"


def test_many_changes_are_not_all_listed(project: Project) -> None:
    def build(names: str) -> None:
        files = [ppg.ParameterInvariant(name, 1) for name in names]
        ppg.FileGeneratingJob("z", write()).depends_on(files)

    project.run(lambda: build(""))
    reason = project.run(lambda: build("abcdefghij")).reason("z")
    assert "new input 'PIa'; new input 'PIb'" in reason
    assert reason.endswith("and 5 more inputs changed")


def test_an_input_that_was_redone_in_a_run_without_its_dependant_counts_later(project: Project) -> None:
    def build(value: int, both: bool = True) -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
        if both:
            ppg.FileGeneratingJob("b", copy("a")).depends_on(a)

    project.run(lambda: build(1))
    assert project.ran(lambda: build(2, both=False)) == ["a"]
    assert project.ran(lambda: build(2)) == ["b"]


def test_exactly_what_depends_on_the_change_is_redone(project: Project) -> None:
    def build(value: int) -> None:
        a, b = ppg.FileGeneratingJob("a", write()).depends_on_params(value), ppg.FileGeneratingJob("b", write())
        ppg.FileGeneratingJob("ab", write()).depends_on(a, b)
        ppg.FileGeneratingJob("bb", write()).depends_on(b)

    project.run(lambda: build(1))
    assert project.ran(lambda: build(2)) == ["a", "ab"]


def test_nothing_is_deleted_up_front(project: Project) -> None:
    """ "No "invalidated" flag survives a run": while an earlier job runs, the outputs of later ones still stand."""

    def build(value: int) -> None:
        def look(path: str) -> None:
            Path(path).write_text(str(Path("b").exists()))

        a = ppg.FileGeneratingJob("a", look).depends_on_params(value)
        ppg.FileGeneratingJob("b", write()).depends_on(a)

    project.run(lambda: build(1))
    assert project.read("a") == "False"
    project.run(lambda: build(2))
    assert project.read("a") == "True"


def test_deleting_an_input_redoes_what_depends_on_it(project: Project) -> None:
    project.run(lambda: chain(1))
    os.unlink("b")
    outcome = project.run(lambda: chain(1))
    assert outcome.ran == ["b", "c"]
    assert outcome.reason("b") == "its output is missing"


def test_the_status_store_may_be_elsewhere(project: Project) -> None:
    Path("state").mkdir()
    options = {"invariant_status_filename": "state/store"}
    assert project.ran(lambda: chain(1), **options) == ["a", "b", "c"]
    assert version(".pypipegraph_status_robust") is None
    assert version("state/store") is not None
    assert project.ran(lambda: chain(1), **options) == []
