"""Callables given to depends_on(): asked when run() starts, for None, a job, lists, further callables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, copy, tell, write


def make(name: str) -> ppg.Job:
    return ppg.FileGeneratingJob(name, write(name))


def jobs() -> dict[str, ppg.Job]:
    assert ppg.util.global_pipegraph is not None
    return ppg.util.global_pipegraph.jobs


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (lambda: None, ""),
        (lambda: [None, ()], ""),
        (lambda: jobs()["a"], "a"),
        (lambda: [jobs()["a"], None, (jobs()["b"],)], "ab"),
        (lambda: (jobs()[name] for name in "ab"), "ab"),
        (lambda: jobs()["a"] + jobs()["b"], "ab"),
        (lambda: lambda: lambda: jobs()["b"], "b"),
        (lambda: [lambda: jobs()["a"], lambda: [lambda: make("c"), None]], "ac"),
        (lambda: make("z").depends_on(lambda: make("c")), "cz"),
    ],
)
def test_what_a_callable_may_return(project: Project, late: Callable[[], Any], expected: str) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("out", lambda path: write("," + ",".join(existing()))(path)).depends_on(late)
        for name in "ab":
            make(name).ignore_code_changes()

    outcome = project.run(build)
    assert outcome.error is None
    behind = {p.job_id for job in reach(outcome.job("out")) for p in job.prerequisites}
    assert "".join(sorted(name for name in behind if len(name) == 1)) == expected
    assert set(expected) <= set(project.read("out").split(","))
    assert project.ran(build) == []


def existing() -> list[str]:
    return sorted(path.name for path in Path().glob("?"))


def reach(job: ppg.Job) -> set[ppg.Job]:
    return {job}.union(*map(reach, job.prerequisites))


def test_each_is_asked_once_in_the_order_given(project: Project) -> None:
    asked: list[str] = []

    def build() -> None:
        a, b = make("a"), make("b")
        b.depends_on(lambda: asked.append("1"), lambda: [asked.append("2"), lambda: asked.append("4")][1])
        a.depends_on(lambda: asked.append("3"))

    assert project.ran(build) == ["a", "b"]
    assert asked == ["1", "2", "3", "4"]


def test_in_a_dry_run_and_not_again_in_the_run_after_it(project: Project) -> None:
    asked: list[str] = []
    ppg.new_pipegraph(quiet=True)
    out = make("out").depends_on(lambda: [asked.append("!"), make("late")][1])
    ppg.run(dry_run=True)
    ppg.run()
    assert asked == ["!"]
    assert out.was_run
    assert jobs()["late"].was_run


def test_one_that_raises_reaches_the_caller_and_is_asked_again(project: Project) -> None:
    """Nothing ran, so the script may mend what is wrong and run; no edge is lost by that."""

    def late() -> ppg.Job:
        if not Path("ready").exists():
            raise LookupError("not ready")
        return make("late")

    ppg.new_pipegraph(quiet=True)
    out = make("out").depends_on(late, lambda: make("later"))
    with pytest.raises(LookupError, match="not ready"):
        ppg.run()
    assert not Path("out").exists()
    Path("ready").touch()
    ppg.run()
    assert {"late", "later"} <= {p.job_id for p in out.prerequisites}
    assert Path("late").exists()


def test_one_that_makes_a_circle_is_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c = map(make, "abc")
    a.depends_on(b.depends_on(c))
    c.depends_on(lambda: a)
    with pytest.raises(ppg.CycleError):
        ppg.run()


def test_inside_a_generating_job_they_are_asked_when_the_callback_is_through(project: Project) -> None:
    def generate() -> None:
        def late() -> Any:
            tell("asked")
            return [made, lambda: make("later")]

        ppg.FileGeneratingJob("out", copy("made", "later")).depends_on(late)
        made = make("made")
        tell("through")

    assert project.ran(lambda: ppg.JobGeneratingJob("generator", generate)) == ["generator", "later", "made", "out"]
    assert project.calls() == ["through", "asked"]
    assert project.read("out") == "madelater"


def test_inside_an_injecting_job_too(project: Project) -> None:
    def inject(out: ppg.Job) -> None:
        out.depends_on(lambda: make("made"))

    def build() -> None:
        out = ppg.FileGeneratingJob("out", copy("made"))
        out.depends_on(
            ppg.DependencyInjectionJob("injection", lambda: jobs()["out"].depends_on(lambda: make("made")) and None)
        )

    assert project.ran(build) == ["injection", "made", "out"]


def test_one_that_raises_there_fails_the_generator(project: Project) -> None:
    def generate() -> None:
        make("made").depends_on(lambda: [][1])

    outcome = project.run(lambda: ppg.JobGeneratingJob("generator", generate))
    assert outcome.failed == ["generator"]
    assert isinstance(outcome.exception("generator"), IndexError)
    assert not Path("made").exists()
