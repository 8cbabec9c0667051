"""Input files that change while a run goes on, by its own jobs or by others: told at the end, with the way out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Outcome, Project, fail, write

Make = Callable[[], ppg.Job]
CONTENT: dict[str, Make] = {
    "checksum": lambda: ppg.FileChecksumInvariant("in"),
    "robust": lambda: ppg.RobustFileChecksumInvariant("in"),
    "several": lambda: ppg.MultiFileInvariant(["in", "in2"]),
}
ALL: dict[str, Make] = {**CONTENT, "time": lambda: ppg.FileTimeInvariant("in")}
CHANGED = "the input changed while this run went on"


@pytest.fixture(autouse=True)
def inputs(project: Project) -> None:
    Path("in").write_text("hello")
    Path("in2").write_text("there")


def appends(path: Any) -> None:
    """A job that changes its own input."""
    Path(path).write_text(Path("in").read_text())
    with open("in", "a") as file:
        file.write("!")


def touches(path: Any) -> None:
    Path(path).write_text("x")
    os.utime("in", ns=(1, Path("in").stat().st_mtime_ns + 10**9))


def removes(path: Any) -> None:
    Path(path).write_text("x")
    os.unlink("in")


def using(callback: Callable[[Any], None], make: Make) -> Callable[[], None]:
    def build() -> None:
        ppg.FileGeneratingJob("a", callback).depends_on(make())

    return build


def told(outcome: Outcome) -> list[str]:
    return [warning for warning in outcome.warnings() if "The next run will run that again" in warning]


@pytest.mark.parametrize("kind", ALL)
def test_a_job_that_changes_its_own_input_runs_in_every_run_and_each_says_why(project: Project, kind: str) -> None:
    build = using(appends, ALL[kind])
    for number in range(3):
        outcome = project.run(build)
        assert outcome.ran == ["a"]
        (warning,) = told(outcome)
        for words in ("Invariant('in", CHANGED, "FileGeneratingJob('a') ran", "let it write another file"):
            assert words in warning
        assert project.read("a") == "hello" + "!" * number


def test_the_user_sees_it_without_a_log(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ppg.new_pipegraph(interactive=False)
    using(appends, CONTENT["checksum"])()
    ppg.run()
    assert CHANGED in capsys.readouterr().err


@pytest.mark.parametrize("kind", ALL)
def test_what_only_another_job_changes_is_told_with_those_that_depend_on_it(project: Project, kind: str) -> None:
    def build() -> None:
        for number in range(7):
            user = ppg.FileGeneratingJob(f"b{number}", write()).depends_on(ALL[kind]())
            user.depends_on(ppg.FileGeneratingJob("a", appends))

    (warning,) = told(project.run(build))
    assert "FileGeneratingJob('b0')" in warning
    assert "and 2 more" in warning
    assert "FileGeneratingJob('a')" not in warning
    outcome = project.run(build)
    assert outcome.ran == [f"b{number}" for number in range(7)], "once, since nothing changes it any more"
    assert told(outcome) == []
    assert project.ran(build) == []


@pytest.mark.parametrize("kind", ALL)
def test_the_same_content_written_anew_is_told_only_where_time_counts(project: Project, kind: str) -> None:
    build = using(touches, ALL[kind])
    outcome = project.run(build)
    assert len(told(outcome)) == (kind == "time")
    assert project.ran(build) == (["a"] if kind == "time" else [])


@pytest.mark.parametrize("kind", ALL)
def test_a_job_that_removes_its_own_input(project: Project, kind: str) -> None:
    (warning,) = told(project.run(using(removes, ALL[kind])))
    assert "the input can't be read any more (No such file or directory), and FileGeneratingJob('a') ran" in warning


def test_what_nobody_that_ran_depends_on_is_left_to_the_next_run(project: Project) -> None:
    def build(text: str) -> None:
        ppg.FileGeneratingJob("a", write()).depends_on_file("in")
        ppg.FileGeneratingJob("b", appends).depends_on_params(text)

    assert len(told(project.run(lambda: build("1")))) == 1
    project.ran(lambda: build("1"))
    outcome = project.run(lambda: build("2"))
    assert outcome.ran == ["b"]
    assert told(outcome) == []
    outcome = project.run(lambda: build("2"))
    assert outcome.ran == ["a"]
    assert told(outcome) == []


def test_a_job_that_fails_is_not_named_since_it_runs_again_anyway(project: Project) -> None:
    def spoils(path: Any) -> None:
        appends(path)
        fail(path)

    outcome = project.run(using(spoils, CONTENT["checksum"]))
    assert outcome.failed == ["a"]
    assert told(outcome) == []


def test_what_a_generating_job_watches_is_looked_at_again_too(project: Project) -> None:
    outcome = project.run(lambda: ppg.JobGeneratingJob("generator", using(appends, CONTENT["checksum"])))
    (warning,) = told(outcome)
    assert "FileChecksumInvariant('in')" in warning
    assert "FileGeneratingJob('a') ran" in warning


def test_loads_and_temporaries_are_named_too(project: Project) -> None:
    def build() -> None:
        load = ppg.DataLoadingJob("load", lambda: appends("unused")).depends_on_file("in")
        temporary = ppg.TempFileGeneratingJob("t", write()).depends_on_file("in")
        ppg.FileGeneratingJob("a", write()).depends_on(load, temporary)

    (warning,) = told(project.run(build))
    assert "DataLoadingJob('load')" in warning
    assert "TempFileGeneratingJob('t')" in warning
    assert project.ran(build) == ["a", "load", "t"]


def test_the_value_that_counted_is_the_one_that_is_told_of_later(project: Project) -> None:
    build = using(appends, CONTENT["checksum"])
    outcome = project.run(build)
    assert outcome.job("in").parts() == {"md5": hashlib.md5(b"hello").hexdigest()}
