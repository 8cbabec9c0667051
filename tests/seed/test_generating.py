"""Job generating jobs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from engine.project import Project, fail, tell, write

import pypipegraph as ppg


def websites(names: str = "abc") -> None:
    """The example: A downloads an overview, C makes a B per website, Z combines their titles."""
    a = ppg.FileGeneratingJob("overview", write(names))

    def make() -> list[ppg.Job]:
        return [ppg.FileGeneratingJob(f"{n}.html", write(f"title {n}")) for n in Path("overview").read_text()]

    def combine(path: str) -> None:
        tell("combined")
        Path(path).write_text("\n".join(sorted(page.read_text() for page in Path().glob("*.html"))))

    c = ppg.DependencyInjectionJob("C", make).depends_on(a)
    ppg.FileGeneratingJob("Z", combine).depends_on(c)


def test_the_example_of_the_websites(project: Project) -> None:
    """This job injects further dependencies into jobs that already depends on it.

    An example: Say you want to extract the titles from a bunch of downloaded websites.

    DependencyInjectionJob C (upon wich Z depends on) that depends on A, creates a bunch of jobs (B1...Bn) that download
    the single websites, and you return them.

    Z now also depends on B1..Bn and since Z also depended on C, it could not have run before it had the additional
    dependencies injected.
    """
    outcome = project.run(websites)
    assert outcome.ran == ["C", "Z", "a.html", "b.html", "c.html", "overview"]
    assert {"a.html", "b.html", "c.html"} < {job.job_id for job in outcome.job("Z").prerequisites}
    assert project.read("Z") == "title a\ntitle b\ntitle c"
    assert project.ran(websites) == ["C"]
    assert project.ran(partial(websites, "abd")) == ["C", "Z", "d.html", "overview"]
    assert project.calls() == ["combined", "combined"]


def test_injecting_into_others_is_an_error(project: Project) -> None:
    """It is an error to add dependencies on a job that is not dependand on this DependencyInjectionJob."""

    def build() -> None:
        stranger = ppg.FileGeneratingJob("stranger", write())
        ppg.DependencyInjectionJob("C", lambda: [stranger.depends_on(ppg.FileGeneratingJob("new", write())), None][1])

    outcome = project.run(build)
    assert outcome.failed == ["C"]
    assert isinstance(outcome.exception("C"), ppg.JobContractError)
    assert "stranger" in str(outcome.exception("C"))
    assert not Path("new").exists()


@pytest.mark.parametrize("kind", [ppg.DependencyInjectionJob, ppg.JobGeneratingJob])
def test_both_have_an_implicit_function_invariant(project: Project, kind: type[ppg.Job]) -> None:
    """A DependencyInjectionJob has an implicit FunctionInvariant.

    A JobGeneratingJob has an implicit FunctionInvariant.
    """

    def first() -> None: ...

    def other() -> None:
        tell("other")

    def build(callback: object) -> None:
        ppg.FileGeneratingJob("below", write()).depends_on(kind("generator", callback))

    outcome = project.run(partial(build, first))
    assert "generator_func" in {job.job_id for job in outcome.job("generator").prerequisites}
    assert project.ran(partial(build, first)) == ["generator"]
    assert project.ran(partial(build, other)) == ["below", "generator"]


def test_the_example_of_the_sales_team(project: Project) -> None:
    """This job generates new jobs that depend on the output of an earlier one.

    Example: You want to draw a graph for each of the member of your sales team. What members there are you of
    course only know after querying the database for them.

    For each sales team member it creates a FileGeneratingJob that queries the database for this members figures and
    draws the graph.
    """

    def sales_team(members: str) -> None:
        query = ppg.FileGeneratingJob("members", write(members))

        def generate() -> None:
            for member in Path("members").read_text().split():
                ppg.FileGeneratingJob(f"{member}.png", write(f"graph of {member}")).depends_on(query)

        ppg.JobGeneratingJob("graphs", generate).depends_on(query)

    assert project.ran(partial(sales_team, "ann bob")) == ["ann.png", "bob.png", "graphs", "members"]
    assert project.read("bob.png") == "graph of bob"
    assert project.ran(partial(sales_team, "ann bob")) == ["graphs"]


def test_generated_jobs_run_in_parallel(project: Project) -> None:
    """The FileGeneratingJobs now can run in parallel even on different machines..."""
    from engine.scripts import until

    def meet(path: str) -> None:
        Path(f"here {path}").touch()
        until(lambda: len(list(Path().glob("here *"))) == 3, "the others")
        write()(path)

    def generate() -> None:
        for n in range(3):
            ppg.FileGeneratingJob(f"{n}", meet)

    project.ran(
        lambda: ppg.JobGeneratingJob("generate", generate),
        resource_coordinator=ppg.resource_coordinators.LocalSystem(3),
    )


def test_a_generator_whose_input_fails_makes_nothing(project: Project) -> None:
    """prunes the graph on errors"""

    def build() -> None:
        bad = ppg.FileGeneratingJob("bad", fail)
        ppg.JobGeneratingJob("generate", lambda: ppg.FileGeneratingJob("made", write())).depends_on(bad)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["bad"], ["generate"])
    assert "made" not in outcome.graph.jobs
