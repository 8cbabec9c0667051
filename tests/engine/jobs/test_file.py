"""FileGeneratingJob: "creates an output file; rerun if it does not exist, if it is 0 byte, or if something changed"."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, tell, write


def test_first_run_makes_the_file_and_the_second_does_nothing(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", write("hello"))

    assert project.ran(build) == ["a"]
    assert project.read("a") == "hello"
    assert project.ran(build) == []
    assert project.run(build).reason("a") == "its output is current"


def test_a_missing_file_is_made_again(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", write())

    project.run(build)
    os.unlink("a")
    outcome = project.run(build)
    assert outcome.ran == ["a"]
    assert outcome.reason("a") == "its output is missing"


def test_a_file_of_no_bytes_is_made_again(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", write())

    project.run(build)
    Path("a").write_text("")
    outcome = project.run(build)
    assert outcome.ran == ["a"]
    assert outcome.reason("a") == "its output is empty"
    assert project.read("a") == "x"


def test_a_directory_in_place_of_the_output_fails_the_job_and_stays(project: Project) -> None:
    Path("a").mkdir()
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", write()))
    assert outcome.failed == ["a"]
    assert isinstance(outcome.exception("a"), OSError)
    assert Path("a").is_dir()


def test_an_output_in_a_missing_folder_fails_as_the_callback_says(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("no/such/a", write()))
    assert isinstance(outcome.exception("no/such/a"), FileNotFoundError)


def test_the_callback_may_make_the_folder(project: Project) -> None:
    def make(path: str) -> None:
        Path(path).parent.mkdir(parents=True)
        Path(path).write_text("x")

    def build() -> None:
        ppg.FileGeneratingJob("some/folder/a", make)

    assert project.ran(build) == ["some/folder/a"]
    assert project.ran(build) == []


def test_not_creating_the_file_is_an_error(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", lambda: None))
    assert outcome.failed == ["a"]
    assert isinstance(outcome.exception("a"), ppg.JobContractError)
    assert "did not create its output" in str(outcome.exception("a"))


def test_an_empty_file_is_an_error(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", write("")))
    assert isinstance(outcome.exception("a"), ppg.JobContractError)
    assert "empty" in str(outcome.exception("a"))
    assert not Path("a").exists()


@pytest.mark.parametrize("name", ["empty_ok", "empty_file_allowed", "empty_files_ok"])
def test_an_empty_file_is_a_result_where_the_job_says_so(project: Project, name: str) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", write(""), **{name: True})

    assert project.ran(build) == ["a"]
    assert project.read("a") == ""
    assert project.ran(build) == []


def test_the_old_file_is_gone_when_the_callback_is_called(project: Project) -> None:
    def build(text: str) -> None:
        def callback(path: str) -> None:
            assert not os.path.exists(path)
            Path(path).write_text(text)

        ppg.FileGeneratingJob("a", callback)

    project.ran(partial(build, "1"))
    assert project.ran(partial(build, "2")) == ["a"]
    assert project.read("a") == "2"


def test_what_a_failing_callback_wrote_is_removed(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", fail))
    assert outcome.failed == ["a"]
    assert not Path("a").exists()
    assert not Path("a.broken").exists()


def test_rename_broken_keeps_what_a_failing_callback_wrote(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", fail, rename_broken=True))
    assert outcome.failed == ["a"]
    assert not Path("a").exists()
    assert project.read("a.broken") == "half"


def test_rename_broken_copes_with_the_longest_name(project: Project) -> None:
    name = "ä" * 127
    outcome = project.run(lambda: ppg.FileGeneratingJob(name, fail, rename_broken=True))
    assert outcome.failed == [name]
    assert not Path(name).exists()
    assert [p.read_text() for p in Path().glob("*.broken")] == ["half"]


def test_a_failed_job_is_run_again_and_may_succeed(project: Project) -> None:
    def callback(path: str) -> None:
        Path(path).write_text("half")
        assert Path("now").exists()

    def build() -> None:
        ppg.FileGeneratingJob("a", callback)

    assert project.run(build).failed == ["a"]
    assert project.run(build).failed == ["a"]
    Path("now").touch()
    outcome = project.run(build)
    assert outcome.ran == ["a"]
    assert project.ran(build) == []


class Writer:
    def __init__(self, text: str) -> None:
        self.text = text

    def method(self, path: Any) -> None:
        Path(path).write_text(self.text)

    def __call__(self) -> None:
        Path("a").write_text(self.text)


def with_default(path: str = "a") -> None:
    tell(path)
    Path(path).write_text("x")


def with_keyword(text: str, path: Any) -> None:
    Path(path).write_text(text)


@pytest.mark.parametrize(
    "callback",
    [
        pytest.param(lambda: Path("a").write_text("x"), id="no argument"),
        pytest.param(lambda path: Path(path).write_text("x"), id="the filename"),
        pytest.param(with_default, id="a default"),
        pytest.param(lambda *paths: Path("a").write_text(f"x{paths!r}"), id="any number"),
        pytest.param(partial(with_keyword, "x"), id="partial"),
        pytest.param(Writer("x").method, id="bound method"),
        pytest.param(Writer("x"), id="callable object"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_callbacks_take_no_argument_or_the_filename(project: Project, callback: Any) -> None:
    assert project.ran(lambda: ppg.FileGeneratingJob("a", callback)) == ["a"]
    assert project.read("a").startswith("x")


@pytest.mark.parametrize("given", ["./a", Path("a"), "sub/../a"])
def test_the_callback_gets_the_name_as_it_was_given(project: Project, given: Any) -> None:
    Path("sub").mkdir()

    def callback(path: Any) -> None:
        assert type(path) is type(given) or isinstance(path, Path), path
        assert path == given
        Path(path).write_text("x")

    outcome = project.run(lambda: ppg.FileGeneratingJob(given, callback))
    assert outcome.ran == ["a"]
    assert outcome.error is None


def test_stdout_and_stderr_of_a_good_job_can_be_read_afterwards(project: Project) -> None:
    def callback(path: str) -> None:
        os.write(1, b"out\n")
        os.write(2, b"err\n")
        Path(path).write_text("x")

    job = project.run(lambda: ppg.FileGeneratingJob("a", callback)).job("a")
    assert (job.stdout, job.stderr) == ("out\n", "err\n")
    assert job.was_run
    assert not job.failed
    assert job.exception is None
    assert job.error_reason == ""


def test_the_masters_memory_is_never_changed_by_a_job(project: Project) -> None:
    seen: list[str] = []

    def callback(path: str) -> None:
        seen.append(path)
        os.chdir("/")
        os.environ["CHANGED"] = "1"
        (project.path / path).write_text("x")

    assert project.ran(lambda: ppg.FileGeneratingJob("a", callback)) == ["a"]
    assert seen == []
    assert "CHANGED" not in os.environ
    assert Path.cwd() == project.path
