"""ParameterInvariant(accept_as_unchanged_func=…): asked with the old parameters whether a change is none."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, tell, write
from ..scripts import Scripts, until

Accept = Callable[[Any], Any]
asked: list[Any] = []


def build(parameters: Any, accept: Accept | None) -> Callable[[], None]:
    def make() -> None:
        asked.clear()
        invariant = ppg.ParameterInvariant("p", parameters, accept_as_unchanged_func=accept)
        ppg.FileGeneratingJob("a", write()).depends_on(invariant)

    return make


def near(parameters: int) -> Callable[[], None]:
    """Parameters within 1 of the old ones are as good."""

    def accept(old: int) -> bool:
        asked.append(old)
        return abs(parameters - old) <= 1

    return build(parameters, accept)


def graph() -> ppg.Pipegraph:
    assert ppg.util.global_pipegraph is not None
    return ppg.util.global_pipegraph


def yes(old: Any) -> bool:
    asked.append(old)
    return True


def no(old: Any) -> bool:
    asked.append(old)
    return False


def test_an_accepted_change_redoes_nothing_and_is_asked_once(project: Project) -> None:
    assert project.ran(near(10)) == ["a"]
    assert asked == []
    assert project.ran(near(11)) == []
    assert asked == [10]
    assert project.ran(near(11)) == []
    assert asked == []
    assert "PIp' changed, and accept_as_unchanged_func took them for the same" not in project.read("logs/ppg_run.txt")


def test_the_answer_is_logged(project: Project) -> None:
    project.run(near(10))
    assert "the parameters of 'PIp' changed, and accept_as_unchanged_func took them" in project.run(near(11)).log
    assert "the parameters of 'PIp' changed, and accept_as_unchanged_func did not" in project.run(near(20)).log


def test_a_change_that_is_not_accepted_redoes(project: Project) -> None:
    project.run(near(10))
    outcome = project.run(near(20))
    assert outcome.ran == ["a"]
    assert outcome.reason("a") == "'PIp' changed (value: 10 -> 20)"
    assert asked == [10]


def test_the_old_parameters_are_those_of_the_last_run(project: Project) -> None:
    """Small steps are accepted one by one, as far as they may lead."""
    project.run(near(10))
    for value in (11, 12, 13):
        assert project.ran(near(value)) == []
        assert asked == [value - 1]
    assert project.ran(near(10)) == ["a"]
    assert asked == [13]


def test_forth_and_back_redoes_each_time_when_not_accepted(project: Project) -> None:
    project.run(near(10))
    for value in (20, 10, 20):
        assert project.ran(near(value)) == ["a"]
        assert project.ran(near(value)) == []


def test_forth_and_back_redoes_never_when_accepted(project: Project) -> None:
    project.run(near(10))
    for value in (11, 10, 11, 10):
        assert project.ran(near(value)) == []


def test_back_to_where_an_accepted_walk_began_is_a_change(project: Project) -> None:
    """10 -> 11 -> 12 was accepted, and the file made at 12. Neither 50 nor then 10 is what it was made with."""
    project.run(near(10))
    project.run(near(11))
    Path("a").unlink()
    assert project.ran(near(12)) == ["a"]

    def unable(parameters: int) -> None:
        near(parameters)()
        graph().jobs["a"].depends_on_file("missing")

    assert project.run(lambda: unable(50)).pruned == ["a"]
    assert project.ran(near(10)) == ["a"]
    assert asked == [50]


def test_a_job_that_was_not_there_when_it_was_refused_is_redone_when_it_is_back(project: Project) -> None:
    project.run(near(10))
    project.run(lambda: ppg.ParameterInvariant("p", 20, no))
    assert project.ran(near(20)) == ["a"]


def test_adding_and_removing_the_function_redoes_nothing(project: Project) -> None:
    assert project.ran(build(10, None)) == ["a"]
    assert project.ran(build(10, no)) == []
    assert project.ran(build(10, None)) == []
    assert project.ran(build(10, yes)) == []
    assert asked == []


def test_removed_after_an_accepted_change_counts_as_a_change(project: Project) -> None:
    project.run(build(10, yes))
    project.run(build(11, yes))
    assert project.ran(build(11, None)) == ["a"]
    assert project.ran(build(11, yes)) == ["a"], "the representative is that of 10 still"


@pytest.mark.parametrize("answer", [1, "yes", [0]])
def test_any_true_answer_will_do(project: Project, answer: Any) -> None:
    project.run(build(10, lambda old: answer))
    assert project.ran(build(11, lambda old: answer)) == []


@pytest.mark.parametrize("answer", [0, None, "", []])
def test_any_false_answer_refuses(project: Project, answer: Any) -> None:
    project.run(build(10, lambda old: answer))
    assert project.ran(build(11, lambda old: answer)) == ["a"]


@pytest.mark.parametrize(
    "parameters", [("a", 1), {"k": [1, {2, 3}]}, Path("x"), None, b"\xff", frozenset({1}), "\udcff", lambda x: x + 1]
)
def test_the_old_parameters_come_back_as_they_were(project: Project, parameters: Any) -> None:
    project.run(build(parameters, yes))
    assert project.ran(build("other", yes)) == []
    (old,) = asked
    assert type(old) is type(parameters)
    assert old(1) == 2 if callable(old) else old == parameters


def test_a_function_that_raises_fails_the_dependants(project: Project) -> None:
    def bad(old: Any) -> bool:
        raise KeyError("no such thing")

    project.run(build(10, bad))
    outcome = project.run(build(11, bad))
    assert outcome.failed == ["PIp"]
    assert outcome.pruned == ["a"]
    error = outcome.exception("PIp")
    assert isinstance(error, ppg.JobContractError)
    assert isinstance(error.__cause__, KeyError)
    assert "accept_as_unchanged_func raised KeyError: 'no such thing'" in str(error)
    assert "here 10" in str(error)
    assert project.ran(build(11, yes)) == [], "nothing was remembered of the failure"
    assert asked == [10]


def test_an_answer_without_truth_fails_them_as_well(project: Project) -> None:
    import numpy

    project.run(build(10, lambda old: numpy.array([True, False])))
    outcome = project.run(build(11, lambda old: numpy.array([True, False])))
    assert "truth value" in str(outcome.exception("PIp"))


@pytest.mark.parametrize("function", [lambda: True, lambda a, b: True, lambda *, key: True, 7, "x"])
def test_a_function_that_does_not_take_one_argument_is_refused(project: Project, function: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="accept_as_unchanged_func"):
        ppg.ParameterInvariant("p", 1, function)
    assert graph().jobs == {}


@pytest.mark.parametrize("function", [lambda *a: True, lambda a, b=1: True, bool, yes])
def test_a_function_that_can_take_one_is_fine(project: Project, function: Any) -> None:
    project.run(build(1, function))
    assert project.ran(build(2, function)) == []


def test_parameters_that_can_not_be_pickled_are_warned_of(project: Project) -> None:
    outcome = project.run(build(Unpicklable(1), yes))
    assert any("can't be pickled (TypeError: never)" in text for text in outcome.warnings())
    assert project.ran(build(Unpicklable(1), yes)) == []
    assert project.ran(build(2, yes)) == ["a"]
    assert asked == []
    assert project.ran(build(3, yes)) == []
    assert asked == [2]


def test_parameters_that_can_not_be_unpickled_count_as_changed(project: Project) -> None:
    Fragile.broken = False
    project.run(build(Fragile(), yes))
    Fragile.broken = True
    outcome = project.run(build(2, yes))
    assert outcome.ran == ["a"]
    assert any("can't be unpickled (ValueError: broken)" in text for text in outcome.warnings())


def test_given_twice_they_must_be_the_same(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    first = ppg.ParameterInvariant("p", 1, yes)
    assert ppg.ParameterInvariant("p", 1, yes) is first
    for other in (no, None):
        with pytest.raises(ppg.JobContractError):
            ppg.ParameterInvariant("p", 1, other)


def test_a_dry_run_asks_but_remembers_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.run(near(10))
    for value, printed in ((11, "Nothing would run.\n"), (12, "FileGeneratingJob('a') would run: 'PIp' changed")):
        ppg.new_pipegraph(quiet=True)
        near(value)()
        capsys.readouterr()
        ppg.run(dry_run=True)
        assert capsys.readouterr().out.startswith(printed)
        assert asked == [10]


def generating(parameters: int, accept: Accept) -> Callable[[], None]:
    def generate() -> None:
        invariant = ppg.ParameterInvariant("p", parameters, accept)
        ppg.FileGeneratingJob("a", write()).depends_on(invariant)

    return lambda: ppg.JobGeneratingJob("generator", generate).ignore_code_changes()


def telling(answer: bool) -> Accept:
    def accept(old: Any) -> bool:
        tell(str(old))
        return answer

    return accept


def test_inside_a_generating_job(project: Project) -> None:
    assert project.ran(generating(10, telling(True))) == ["a", "generator"]
    assert project.ran(generating(11, telling(True))) == ["generator"]
    assert project.ran(generating(11, telling(True))) == ["generator"]
    assert project.ran(generating(12, telling(False))) == ["a", "generator"]
    assert project.calls() == ["10", "11"]


def test_one_that_moves_out_of_a_generating_job_is_the_same(project: Project) -> None:
    project.run(generating(10, yes))
    assert project.ran(build(11, yes)) == []
    assert project.ran(generating(10, yes)) == ["generator"]


def test_a_refused_change_of_the_graph_remembers_nothing(project: Project) -> None:
    """The generator asks and is told yes, but then it makes a job that exists; 10 are the last parameters still."""
    project.run(generating(10, telling(True)))

    def generate() -> None:
        ppg.ParameterInvariant("p", 11, telling(True))
        graph().jobs["older"].depends_on(ppg.FileGeneratingJob("b", write()))

    def refused() -> None:
        ppg.FileGeneratingJob("older", write())
        ppg.JobGeneratingJob("generator", generate)

    assert project.run(refused).failed == ["generator"]
    assert project.ran(generating(12, telling(True))) == ["generator"]
    assert project.calls() == ["10", "10"]


def test_a_function_that_raises_in_a_generating_job_fails_that(project: Project) -> None:
    def bad(old: Any) -> bool:
        raise KeyError("no such thing")

    project.run(generating(10, bad))
    outcome = project.run(generating(11, bad))
    assert outcome.failed == ["generator"]
    assert "accept_as_unchanged_func raised KeyError" in str(outcome.exception("generator"))


SCRIPT = """
def slow(path):
    tell("begun")
    wait_for("go")
    Path(path).write_text(os.environ["VALUE"])

value = int(os.environ["VALUE"])
ppg.new_pipegraph(quiet=True)
job = ppg.FileGeneratingJob("a", slow)
job.depends_on(ppg.ParameterInvariant("p", value, lambda old: abs(old - value) <= 1))
ppg.run()
"""


def test_killed_between_the_refusal_and_the_end_of_the_job(scripts: Scripts, project: Project) -> None:
    """The refused parameters are remembered by then: the next run asks nothing, and must redo the job all the same."""
    Path("go").touch()
    scripts.good(SCRIPT, more_env={"VALUE": "10"})
    Path("go").unlink()
    killed = scripts.start(SCRIPT, more_env={"VALUE": "20"})
    until(lambda: len(project.calls()) == 2, "the job to begin again")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    Path("go").touch()
    scripts.good(SCRIPT, more_env={"VALUE": "20"})
    assert project.read("a") == "20"
    scripts.good(SCRIPT, more_env={"VALUE": "21"})
    assert project.read("a") == "20"
    assert len(project.calls()) == 3


class Unpicklable:
    """Its fingerprint is taken by `__ppg_fingerprint__`; it can't be pickled by any means."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __ppg_fingerprint__(self) -> int:
        return self.value

    def __reduce__(self) -> Any:
        raise TypeError("never")


class Fragile:
    """Can be pickled, and unpickled unless `broken`."""

    broken = False

    def __ppg_fingerprint__(self) -> str:
        return "fragile"

    def __reduce__(self) -> Any:
        return _make_fragile, ()


def _make_fragile() -> Fragile:
    if Fragile.broken:
        raise ValueError("broken")
    return Fragile()
