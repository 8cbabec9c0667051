"""Exceptions that resist being reported: the job fails with what can be told, and everything else goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_cs import failing

from ..project import Outcome, Project, write
from ..scripts import Scripts

MASTER = os.getpid()


class EndlessText(Exception):
    """Recurses."""

    def __str__(self) -> str:
        return str(self)


class NoRepr(Exception):
    """Can't be shown in a traceback's locals, for one."""

    def __repr__(self) -> str:
        raise ValueError("no repr")


class NoReduce(Exception):
    """Refuses to be pickled."""

    def __reduce__(self) -> Any:
        raise ValueError("no pickle")


class BecomesAnInt(Exception):
    """Unpickles as something else."""

    def __reduce__(self) -> Any:
        return int, (5,)


class OtherInit(Exception):
    """Unpickles with the wrong number of arguments."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(f"{what} {number}")


class LeavesWhenUnpickled(Exception):
    """Loads in the job; ends whoever loads it in the script."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.more = 1

    def __setstate__(self, state: Any) -> None:
        if _is_script():
            sys.exit("unpickled")


class InterruptsWhenUnpickled(LeavesWhenUnpickled):
    """The same with Ctrl-C."""

    def __setstate__(self, state: Any) -> None:
        if _is_script():
            raise KeyboardInterrupt


class OfNoException(BaseException):
    """What `except Exception` does not catch."""


def _is_script() -> bool:
    return os.getpid() == MASTER


def raising(error: BaseException) -> Callable[[str], None]:
    def callback(path: str) -> None:
        Path(path).write_text("half")
        raise error

    return callback


def run(project: Project, callback: Callable[[str], None]) -> Outcome:
    """A run in which `bad` fails, whose output is gone, and `aside` does not."""

    def build() -> None:
        bad = ppg.FileGeneratingJob("bad", callback).ignore_code_changes()
        ppg.FileGeneratingJob("after", write()).depends_on(bad)
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["bad"], ["after"])
    assert outcome.ran == ["aside", "bad"]
    assert not Path("bad").exists()
    assert str(outcome.error)
    assert "bad" in project.read("logs/ppg_errors.txt")
    return outcome


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EndlessText(), "EndlessText: (its __str__ raised RecursionError)"),
        (NoRepr("all the same"), "NoRepr: all the same"),
        (NoReduce("all the same"), "NoReduce: all the same"),
        (BecomesAnInt("all the same"), "BecomesAnInt: all the same"),
        (OtherInit("number", 5), "OtherInit: number 5"),
        (LeavesWhenUnpickled("all the same"), "LeavesWhenUnpickled: all the same"),
        (InterruptsWhenUnpickled("all the same"), "InterruptsWhenUnpickled: all the same"),
    ],
)
def test_it_is_told_in_words(project: Project, error: Exception, told: str) -> None:
    job = run(project, raising(error)).job("bad")
    assert job.error_reason == told
    assert isinstance(job.exception, (ppg.JobDiedException, EndlessText, NoRepr))


@pytest.mark.parametrize("error", [OfNoException("x"), GeneratorExit(), KeyboardInterrupt(), SystemExit(3)])
def test_what_is_no_exception_ends_the_job_alone(project: Project, error: BaseException) -> None:
    assert type(run(project, raising(error)).exception("bad")) is type(error)


def test_what_takes_for_ever_to_describe_is_cut_short(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Exception):
        def __str__(self) -> str:
            while True:
                pass

        def __reduce__(self) -> Any:
            while True:
                pass

    monkeypatch.setattr(failing, "PATIENCE_S", 0.1)
    error = Endless()
    job = run(project, raising(error)).job("bad")
    assert job.error_reason == "Endless: (its __str__ took longer than 0.1 s)"
    assert isinstance(job.exception, ppg.JobDiedException)


def test_a_group_is_shown_with_all_that_is_in_it(project: Project) -> None:
    group = ExceptionGroup("several", [ValueError("one"), ExceptionGroup("more", [KeyError("two")])])
    outcome = run(project, raising(group))
    arrived = outcome.exception("bad")
    assert isinstance(arrived, ExceptionGroup)
    assert [type(part) for part in arrived.exceptions] == [ValueError, ExceptionGroup]
    for words in ("ExceptionGroup: several", "ValueError: one", "KeyError: 'two'"):
        assert words in str(outcome.error)


def test_causes_and_notes_are_in_the_traceback(project: Project) -> None:
    def callback(path: str) -> None:
        try:
            try:
                raise KeyError("root")
            except KeyError as root:
                root.add_note("seen at the root")
                raise OSError("middle") from root
        except OSError as middle:
            top = ValueError("top")
            top.add_note("seen at the top")
            raise top from middle

    outcome = run(project, callback)
    text = str(outcome.error)
    for words in ("KeyError: 'root'", "seen at the root", "OSError: middle", "ValueError: top", "seen at the top"):
        assert words in text
    assert text.count("direct cause of the following exception") == 2
    assert outcome.exception("bad").__notes__ == ["seen at the top"]


def test_a_circle_of_causes_is_shown_once(project: Project) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert str(run(project, raising(first)).error).count("ValueError: second") == 1


def test_a_recursion_error_is_a_short_text(project: Project) -> None:
    def callback(path: str) -> None:
        callback(path)

    outcome = run(project, callback)
    assert type(outcome.exception("bad")) is RecursionError
    assert "more times" in str(outcome.error)
    assert len(str(outcome.error)) < 10_000


def test_a_message_of_100_megabytes_is_cut(project: Project) -> None:
    def callback(path: str) -> None:
        raise ValueError("m" * 100_000_000)

    outcome = run(project, callback)
    assert outcome.job("bad").error_reason.startswith("ValueError: mmm")
    assert isinstance(outcome.exception("bad"), ppg.JobDiedException)
    assert len(str(outcome.error)) < 1_000_000


def test_an_exception_that_holds_all_the_data_comes_as_text(project: Project) -> None:
    def callback(path: str) -> None:
        error = ValueError("too large")
        error.data = bytearray(200_000_000)  # type: ignore[attr-defined]
        raise error

    outcome = run(project, callback)
    assert str(outcome.exception("bad")) == "ValueError: too large"


def test_a_chain_of_many_thousand_causes(project: Project) -> None:
    def callback(path: str) -> None:
        error = ValueError("the first")
        for number in range(20_000):
            later = ValueError(number)
            later.__cause__ = error
            error = later
        raise error

    outcome = run(project, callback)
    assert outcome.job("bad").error_reason == "ValueError: 19999"
    assert len(str(outcome.error)) < 1_000_000


def test_exceptions_of_the_script_itself_arrive_as_they_were(project: Project, scripts: Scripts) -> None:
    """Classes that are defined in __main__, or in a function of it."""
    said = scripts.good("""
class Mine(Exception):
    pass
def other():
    class Inner(Mine):
        def __init__(self, text):
            super().__init__(text)
            self.more = [text]
    return Inner
Inner = other()
def mine(path):
    raise Mine("x", 5)
def inner(path):
    raise Inner("y")
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", mine)
ppg.FileGeneratingJob("b", inner)
try:
    ppg.run()
except ppg.RuntimeError as error:
    found = {f.job_id: f.exception for f in error.failures}
    print(type(found["a"]) is Mine, found["a"].args, type(found["b"]).__name__, found["b"].more)
""")
    assert said == "True ('x', 5) Inner ['y']\n"


def test_an_error_of_a_subprocess_keeps_its_facts(project: Project) -> None:
    def callback(path: str) -> None:
        subprocess.run([sys.executable, "-c", "import sys; sys.exit(7)"], check=True)

    error = run(project, callback).exception("bad")
    assert isinstance(error, subprocess.CalledProcessError)
    assert error.returncode == 7


def test_raising_what_is_no_exception(project: Project) -> None:
    def callback(path: str) -> None:
        raise "a string"  # type: ignore[misc]  # noqa: B016

    assert type(run(project, callback).exception("bad")) is TypeError
