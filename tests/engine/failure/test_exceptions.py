"""A job's exception "reaches the caller unchanged when it can be pickled, as its text when it can't"."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write
from ..scripts import Scripts, frames


class Special(Exception):
    """Carries more than its arguments."""

    def __init__(self, text: str, more: dict[str, int]) -> None:
        super().__init__(text, more)
        self.more = more


class Unpicklable(Exception):
    """Holds what no pickle can."""

    def __init__(self) -> None:
        super().__init__("all the same, the text arrives")
        self.lock = threading.Lock()


class Mute(Exception):
    """Can't even say what is wrong."""

    def __str__(self) -> str:
        raise KeyError("no words")


def raising(error: BaseException) -> Any:
    def callback(path: str) -> None:
        Path(path).write_text("half")
        raise error

    return callback


def failed(project: Project, callback: Any) -> Any:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", callback).ignore_code_changes())
    assert outcome.failed == ["a"]
    assert not Path("a").exists()
    job = outcome.job("a")
    assert job.failed
    assert job.was_run
    assert outcome.error is not None
    (failure,) = outcome.error.failures
    assert failure.exception is job.exception
    return job


def test_it_arrives_as_it_was_raised(project: Project) -> None:
    error = failed(project, raising(Special("what", {"x": 1}))).exception
    assert type(error) is Special
    assert error.args == ("what", {"x": 1})
    assert error.more == {"x": 1}


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(5), OSError(28, "full", "file"), AssertionError()])
def test_builtin_ones_too(project: Project, error: Exception) -> None:
    arrived = failed(project, raising(error)).exception
    assert type(arrived) is type(error)
    assert arrived.args == error.args


def test_one_of_a_local_class_too(project: Project) -> None:
    class Local(Exception):
        pass

    assert type(failed(project, raising(Local("x"))).exception).__name__ == "Local"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit("x")])
def test_what_is_no_exception_fails_the_job_as_well(project: Project, error: BaseException) -> None:
    assert type(failed(project, raising(error)).exception) is type(error)


def test_an_unpicklable_one_arrives_as_its_text(project: Project) -> None:
    error = failed(project, raising(Unpicklable())).exception
    assert isinstance(error, ppg.JobDiedException)
    assert str(error) == "Unpicklable: all the same, the text arrives"


def test_one_that_cannot_be_shown_is_reported(project: Project) -> None:
    job = failed(project, raising(Mute()))
    assert "its __str__ raised KeyError" in job.error_reason


def test_the_raised_error_has_traceback_stdout_and_stderr(project: Project) -> None:
    def callback(path: str) -> None:
        print("to stdout")
        print("to stderr", file=sys.stderr)
        os.write(1, b"by number\n")
        os.system("echo from a child")
        try:
            raise KeyError("the cause")
        except KeyError as error:
            raise ValueError("the effect") from error

    outcome = project.run(lambda: ppg.FileGeneratingJob("a", callback))
    text = str(outcome.error)
    for part in ("1 job failed", "a: ValueError: the effect", "KeyError: 'the cause'", "in callback", "to stderr"):
        assert part in text
    job = outcome.job("a")
    assert sorted(job.stdout.split("\n")) == sorted(["to stdout", "by number", "from a child", ""])
    assert job.stderr == "to stderr\n"
    assert "job_process.py" not in text, "our own frames say nothing to the user"


def test_of_a_flood_the_tail_is_kept(project: Project) -> None:
    def callback(path: str) -> None:
        for number in range(100_000):
            print("number", number)
        raise ValueError

    job = failed(project, callback)
    assert job.stdout.endswith("number 99999\n")
    assert len(job.stdout) < 1_000_000


def test_all_failures_are_in_the_error_and_the_first_ten_in_its_text(project: Project) -> None:
    def build() -> None:
        for number in range(12):
            ppg.FileGeneratingJob(f"bad{number}", raising(ValueError(number)))

    outcome = project.run(build)
    assert len(outcome.failed) == 12
    assert "12 jobs failed" in str(outcome.error)
    assert "… and 2 more: see .failures or logs/ppg_errors.txt" in str(outcome.error)
    assert project.read("logs/ppg_errors.txt").count("Traceback") == 12
    assert str(pickle.loads(pickle.dumps(outcome.error))) == str(outcome.error)


def test_a_file_that_was_not_written_is_not_named_as_the_place_of_more(project: Project) -> None:
    Path("logs").rmdir()
    outcome = project.run(lambda: [ppg.FileGeneratingJob(f"{i}", raising(ValueError(i))) for i in range(12)])
    assert "… and 2 more: see .failures; where there is a folder logs, logs/ppg_errors.txt has all of them." in str(
        outcome.error
    )


def test_it_is_the_public_error(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", raising(ValueError())))
    assert isinstance(outcome.error, ppg.RuntimeException)
    assert isinstance(outcome.error, ppg.PyPipeGraphError)


def test_a_job_may_complain_with_our_own_exceptions(project: Project) -> None:
    arrived = failed(project, raising(ppg.JobContractError("mine"))).exception
    assert type(arrived) is ppg.JobContractError
    assert str(arrived) == "mine"


def test_a_job_that_makes_jobs_is_refused(project: Project) -> None:
    def callback(path: str) -> None:
        ppg.FileGeneratingJob("b", write())

    error = failed(project, callback).exception
    assert isinstance(error, ppg.JobContractError)


def test_what_is_not_caught_is_shown_with_its_public_name_and_without_our_insides(scripts: Scripts) -> None:
    done = scripts.run("""
def fail(path):
    raise ValueError("as told")
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("f", fail)
ppg.run()
""")
    ours, _, text = done.stderr.partition("pypipegraph.RuntimeError: 1 job failed.")
    assert frames(ours) == ["<module>", "run_pipegraph"], done.stderr
    assert "in fail" in text
