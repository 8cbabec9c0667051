"""Pipegraphs inside of pipegraphs: a job has none of its own, and a generating job only extends the one it is in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write
from ..scripts import Scripts

DATA: dict[str, Any] = {}


def makes_a_pipegraph() -> None:
    ppg.new_pipegraph(quiet=True)


def runs() -> None:
    ppg.run()


def runs_dry() -> None:
    ppg.run(dry_run=True)


@pytest.mark.parametrize(
    ("mischief", "words"),
    [(makes_a_pipegraph, "let the job start another script"), (runs, "Remove the call"), (runs_dry, "Remove the call")],
)
@pytest.mark.parametrize("kind", ["file", "load", "generator", "injection", "final"])
def test_no_job_makes_or_runs_a_pipegraph(project: Project, mischief: Any, words: str, kind: str) -> None:
    def build() -> None:
        aside = ppg.FileGeneratingJob("aside", write())
        if kind == "file":
            ppg.FileGeneratingJob("bad", mischief)
        elif kind == "load":
            ppg.FileGeneratingJob("a", write()).depends_on(ppg.DataLoadingJob("bad", mischief))
        elif kind == "generator":
            ppg.JobGeneratingJob("bad", mischief)
        elif kind == "injection":
            ppg.FileGeneratingJob("a", write()).depends_on(ppg.DependencyInjectionJob("bad", mischief))
        else:
            ppg.FinalJob("bad", mischief).depends_on(aside)

    outcome = project.run(build)
    assert outcome.failed == ["bad"]
    assert isinstance(outcome.exception("bad"), ppg.JobContractError)
    assert words in str(outcome.exception("bad"))
    assert "aside" in outcome.ran
    assert "run: FileGeneratingJob('aside')" in outcome.log, "the log of the run that goes on is not overwritten"


def test_jobs_made_in_a_job_are_refused_with_the_way_out(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", lambda: ppg.FileGeneratingJob("b", write())))
    assert outcome.failed == ["a"]
    for words in ("'b'", "can't make or connect jobs", "JobGeneratingJob"):
        assert words in str(outcome.exception("a"))


def test_a_job_may_start_a_script_with_a_pipegraph_of_its_own(project: Project, scripts: Scripts) -> None:
    inner = scripts.write("ppg.new_pipegraph(quiet=True)\nppg.FileGeneratingJob('b', write('inner'))\nppg.run()\n")

    def callback(path: str) -> None:
        os.mkdir("below")
        os.chdir("below")
        assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, str(inner)) == 0
        (project.path / path).write_text(Path("b").read_text())

    assert project.ran(lambda: ppg.FileGeneratingJob("a", callback)) == ["a"]
    assert project.read("a") == "inner"


def test_what_a_generator_returns_is_of_no_interest(project: Project) -> None:
    """Only a DependencyInjectionJob's return value means something; a lambda that makes a job returns it."""
    for number, nonsense in enumerate((5, "z", [1, 2], object())):
        assert project.ran(lambda nonsense=nonsense: ppg.JobGeneratingJob("g", lambda: nonsense)) == ["g"], number


def test_what_a_file_job_or_load_returns_is_of_no_interest_either(project: Project) -> None:
    """Jobs apart: see `test_returned_jobs`."""

    def build() -> None:
        def callback(path: str) -> Any:
            return Path(path).write_text("x")

        ppg.FileGeneratingJob("a", callback).depends_on(ppg.DataLoadingJob("load", lambda: object()))

    assert project.ran(build) == ["a", "load"]


def test_a_generator_that_fails_half_way_leaves_nothing(project: Project) -> None:
    def build(bad: bool) -> None:
        old = ppg.FileGeneratingJob("old", write())

        def generate() -> None:
            DATA["seen"] = True
            for number in range(10):
                ppg.FileGeneratingJob(f"new{number}", write()).depends_on(old).depends_on_params(number)
                if bad and number == 5:
                    raise KeyError("half-way")

        ppg.JobGeneratingJob("generator", generate).ignore_code_changes()

    outcome = project.run(lambda: build(True))
    assert outcome.failed == ["generator"]
    assert set(outcome.graph.jobs) == {"old", "old_func", "generator", "generator_func"}
    assert sorted(path for path in os.listdir() if path.startswith("new")) == []
    assert DATA == {}
    assert len(project.ran(lambda: build(False))) == 11


def test_ten_thousand_jobs_of_one_generator_that_are_done_already(project: Project) -> None:
    def generate() -> None:
        for number in range(10_000):
            ppg.FileGeneratingJob(f"files/{number}", write())

    Path("files").mkdir()
    for number in range(10_000):
        Path(f"files/{number}").write_text("x")
    outcome = project.run(lambda: ppg.JobGeneratingJob("generator", generate), adopt=True)
    assert outcome.ran == ["generator"]
    assert len(outcome.graph.jobs) == 20_002


def test_a_circle_that_an_injection_closes_is_printed_job_by_job(project: Project) -> None:
    def build() -> None:
        injection = ppg.DependencyInjectionJob(
            "injection", lambda: ppg.FileGeneratingJob("new", write()).depends_on(ppg.util.global_pipegraph.jobs["c"])
        )
        a = ppg.FileGeneratingJob("a", write()).depends_on(injection)
        b = ppg.FileGeneratingJob("b", write()).depends_on(a)
        ppg.FileGeneratingJob("c", write()).depends_on(b)

    outcome = project.run(build)
    assert outcome.failed == ["injection"]
    told = str(outcome.exception("injection"))
    steps = told.partition("circle of dependencies: ")[2].rstrip(".").split(" -> ")
    assert steps[0] == steps[-1]
    assert set(steps) == {"'a'", "'b'", "'c'", "'new'"}
    order = [steps[(steps.index("'a'") + k) % 4] for k in range(4)]
    assert order == ["'a'", "'new'", "'c'", "'b'"], "each depends on the next"


def test_a_generator_that_uses_a_job_of_another_pipegraph_is_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    stranger = ppg.FileGeneratingJob("stranger", write())

    def build() -> None:
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("new", write()).depends_on(stranger))
        ppg.FileGeneratingJob("z", write()).depends_on(ppg.DependencyInjectionJob("injection", lambda: stranger))

    outcome = project.run(build)
    assert outcome.failed == ["generator", "injection"]
    for name in ("generator", "injection"):
        assert isinstance(outcome.exception(name), ppg.JobContractError)
        assert "two pipegraphs" in str(outcome.exception(name))
