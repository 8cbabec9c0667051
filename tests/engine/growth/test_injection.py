"""DependencyInjectionJob: "injects further dependencies into jobs that already depend on it"."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail, write

CALLBACKS = {name: write(name) for name in "abcdefgh"}


def websites(names: str = "abc") -> None:
    """The seed's example: A downloads an overview, C makes a job B… per website, Z combines their titles."""
    overview = ppg.FileGeneratingJob("overview", write(names))

    def combine(path: str) -> None:
        Path(path).write_text(" ".join(sorted(p.read_text() for p in Path().glob("*.html"))))

    def inject() -> list[ppg.Job]:
        sites = Path("overview").read_text()
        return [ppg.FileGeneratingJob(f"{name}.html", write(f"title {name}")) for name in sites]

    injection = ppg.DependencyInjectionJob("injection", inject).depends_on(overview)
    ppg.FileGeneratingJob("titles", combine).depends_on(injection)


def test_the_seeds_example(project: Project) -> None:
    assert project.ran(websites) == ["a.html", "b.html", "c.html", "injection", "overview", "titles"]
    assert project.read("titles") == "title a title b title c"
    outcome = project.run(websites)
    assert outcome.ran == ["injection"]
    prerequisites = {p.job_id for p in outcome.job("titles").prerequisites}
    assert prerequisites == {"a.html", "b.html", "c.html", "injection", "titles_func"}


def test_a_new_site_redoes_the_titles(project: Project) -> None:
    project.run(websites)
    assert project.ran(partial(websites, "abcd")) == ["d.html", "injection", "overview", "titles"]
    assert project.read("titles").endswith("title d")


def test_a_lost_site_redoes_the_titles(project: Project) -> None:
    project.run(websites)
    os.unlink("b.html")
    assert project.ran(websites) == ["b.html", "injection", "titles"]


def test_returned_jobs_are_added_to_all_dependants(project: Project) -> None:
    def build() -> None:
        injection = ppg.DependencyInjectionJob("injection", lambda: ppg.FileGeneratingJob("new", write()))
        for name in "xy":
            ppg.FileGeneratingJob(name, copy("new")).depends_on(injection)

    assert project.ran(build) == ["injection", "new", "x", "y"]
    assert project.ran(build) == ["injection"]


def test_single_edges_are_added_inside(project: Project) -> None:
    def build() -> None:
        x, y = ppg.FileGeneratingJob("x", copy("new")), ppg.FileGeneratingJob("y", write())

        def inject() -> None:
            x.depends_on(ppg.FileGeneratingJob("new", write()))

        injection = ppg.DependencyInjectionJob("injection", inject)
        x.depends_on(injection)
        y.depends_on(injection)

    outcome = project.run(build)
    assert outcome.ran == ["injection", "new", "x", "y"]
    assert "new" not in {p.job_id for p in outcome.job("y").prerequisites}


def test_older_jobs_may_be_injected(project: Project) -> None:
    def build(which: str) -> None:
        jobs = {name: ppg.FileGeneratingJob(name, CALLBACKS[name]) for name in "ab"}
        injection = ppg.DependencyInjectionJob("injection", lambda: [jobs[name] for name in which])
        injection.ignore_code_changes()
        ppg.FileGeneratingJob("z", copy("a", "b")).depends_on(injection, jobs["a"], jobs["b"])
        ppg.FileGeneratingJob("y", write()).depends_on(injection)

    assert project.ran(partial(build, "a")) == ["a", "b", "injection", "y", "z"]
    assert project.ran(partial(build, "a")) == ["injection"]


def test_temporaries_loads_and_parameters_may_be_injected(project: Project) -> None:
    data: dict[str, str] = {}

    def build(value: int = 1) -> None:
        def inject() -> list[ppg.Job]:
            temporary = ppg.TempFileGeneratingJob("t", write("temporary"))
            load = ppg.DataLoadingJob("load", lambda: data.update(x=Path("t").read_text())).depends_on(temporary)
            return [load, ppg.ParameterInvariant("p", value)]

        injection = ppg.DependencyInjectionJob("injection", inject).ignore_code_changes()
        ppg.FileGeneratingJob("z", lambda path: Path(path).write_text(data["x"])).depends_on(injection)

    assert project.ran(build) == ["injection", "load", "t", "z"]
    assert project.read("z") == "temporary"
    assert not Path("t").exists()
    assert project.ran(build) == ["injection"]
    assert "z" in project.ran(partial(build, 2))


def test_it_may_return_nothing(project: Project) -> None:
    def build() -> None:
        injection = ppg.DependencyInjectionJob("injection", lambda: None)
        ppg.FileGeneratingJob("z", write()).depends_on(injection)

    assert project.ran(build) == ["injection", "z"]
    assert project.ran(build) == ["injection"]


def test_a_final_job_may_be_its_dependant(project: Project) -> None:
    def build() -> None:
        injection = ppg.DependencyInjectionJob("injection", lambda: ppg.FileGeneratingJob("new", write()))
        ppg.FinalJob("last", lambda: None).depends_on(injection)

    assert project.ran(build) == ["injection", "last", "new"]


def test_an_injected_job_that_fails_prunes_the_dependants(project: Project) -> None:
    def build() -> None:
        injection = ppg.DependencyInjectionJob("injection", lambda: ppg.FileGeneratingJob("new", fail))
        ppg.FileGeneratingJob("z", write()).depends_on(injection)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["new"], ["z"])


def test_an_injection_that_fails_prunes_the_dependants(project: Project) -> None:
    def inject() -> list[ppg.Job]:
        ppg.util.global_pipegraph.jobs["z"].depends_on(ppg.FileGeneratingJob("new", write()))
        raise KeyError("half-way")

    def build() -> None:
        injection = ppg.DependencyInjectionJob("injection", inject)
        ppg.FileGeneratingJob("z", write()).depends_on(injection)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["injection"], ["z"])
    assert "new" not in outcome.graph.jobs
    assert not Path("new").exists()


def into_a_stranger() -> None:
    """ "It is an error to add dependencies on a job that is not dependant on this DependencyInjectionJob.\""""
    ppg.util.global_pipegraph.jobs["stranger"].depends_on(ppg.FileGeneratingJob("new", write()))


def closes_a_circle() -> ppg.Job:
    return ppg.FileGeneratingJob("new", write()).depends_on(ppg.util.global_pipegraph.jobs["z"])


def closes_a_long_circle() -> Any:
    jobs = ppg.util.global_pipegraph.jobs
    return ppg.FileGeneratingJob("new", write()).depends_on(jobs["behind z"])


def returns_nonsense() -> Any:
    return ["z"]


def returns_a_number() -> Any:
    return 5


def injects_a_final_job() -> ppg.Job:
    return ppg.FinalJob("new", int)


def redefines() -> ppg.Job:
    return ppg.FileGeneratingJob("stranger", write("otherwise"))


@pytest.mark.parametrize(
    ("inject", "words"),
    [
        (into_a_stranger, "may only add prerequisites to its own dependants"),
        (closes_a_circle, "circle"),
        (closes_a_long_circle, "circle"),
        (returns_nonsense, "holds jobs"),
        (returns_a_number, "must return jobs or None"),
        (injects_a_final_job, "runs after everything else"),
        (redefines, "another definition"),
    ],
)
def test_what_an_injection_may_not_do_is_refused_without_a_trace(project: Project, inject: Any, words: str) -> None:
    def build() -> None:
        injection = ppg.DependencyInjectionJob("injection", inject)
        z = ppg.FileGeneratingJob("z", write()).depends_on(injection)
        ppg.FileGeneratingJob("behind z", write()).depends_on(z)
        ppg.FileGeneratingJob("stranger", write())

    outcome = project.run(build)
    assert outcome.failed == ["injection"]
    assert outcome.pruned == ["behind z", "z"]
    assert isinstance(outcome.exception("injection"), ppg.JobContractError)
    assert words in str(outcome.exception("injection"))
    assert "new" not in outcome.graph.jobs
    assert {p.job_id for p in outcome.job("z").prerequisites} == {"injection", "z_func"}
    assert outcome.job("stranger").was_run


def test_the_equation_is_evaluated_after_the_injection(project: Project) -> None:
    """A dependant is not judged by the inputs that it has before."""

    def build(value: int) -> None:
        def inject() -> ppg.Job:
            return ppg.ParameterInvariant("late", value)

        injection = ppg.DependencyInjectionJob("injection", inject).ignore_code_changes()
        ppg.FileGeneratingJob("z", write()).depends_on(injection)

    assert project.ran(partial(build, 1)) == ["injection", "z"]
    assert "z" in project.ran(partial(build, 2))
