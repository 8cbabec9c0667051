"""`Job.depends_on(job | list | None | callable, …)`, JobList and `+`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write


def files(names: str) -> list[ppg.FileGeneratingJob]:
    callback = write()
    return [ppg.FileGeneratingJob(name, callback) for name in names]


def direct(job: ppg.Job) -> str:
    return "".join(sorted(p.job_id for p in job.prerequisites if not p.job_id.endswith("_func")))


def test_jobs_lists_generators_and_none_nest_in_any_way(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d, e, z = files("abcdez")
    assert z.depends_on(a, None, [b, None, (c, [d], {e})], iter([]), (job for job in [a])) is z
    assert direct(z) == "abcde"


def test_callables_are_asked_when_the_run_starts(project: Project) -> None:
    def build() -> None:
        z = ppg.FileGeneratingJob("z", write())
        made: list[ppg.Job] = []
        z.depends_on(lambda: made)
        z.depends_on(lambda: [lambda: made[0], None])
        made.append(ppg.FileGeneratingJob("b", write()))

    outcome = project.run(build)
    assert outcome.ran == ["b", "z"]
    assert direct(outcome.job("z")) == "b"


def test_a_callable_may_make_jobs(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("z", write()).depends_on(lambda: ppg.FileGeneratingJob("late", write()))

    assert project.ran(build) == ["late", "z"]


@pytest.mark.parametrize("nonsense", [5, "a", b"a", Path("a"), 1.5, object()])
def test_nonsense_is_refused(project: Project, nonsense: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b = files("ab")
    with pytest.raises(ppg.JobContractError, match=r"takes jobs, iterables of jobs, callables or None") as error:
        a.depends_on(b, [nonsense])
    assert ("depends_on_file" in str(error.value)) == isinstance(nonsense, (str, Path))


def test_nonsense_from_a_callable_is_refused_when_the_run_starts(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    files("a")[0].depends_on(lambda: "b")
    with pytest.raises(ppg.JobContractError, match="takes jobs"):
        ppg.run()


@pytest.mark.parametrize(
    "make", [ppg.FileTimeInvariant, ppg.FileChecksumInvariant, lambda p: ppg.MultiFileInvariant([p])]
)
def test_invariants_depend_on_nothing(project: Project, make: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    for invariant in (make("x"), ppg.ParameterInvariant("x", 1), ppg.FunctionInvariant("f", write)):
        with pytest.raises(ppg.JobContractError, match="is an invariant"):
            invariant.depends_on(a)


def test_nothing_depends_on_a_final_job_but_final_jobs(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    last = ppg.FinalJob("last", lambda: None)
    with pytest.raises(ppg.JobContractError, match="runs after everything else"):
        a.depends_on(last)
    with pytest.raises(ppg.JobContractError, match="runs after everything else"):
        ppg.DataLoadingJob("load", lambda: None).depends_on([last])
    ppg.FinalJob("very last", lambda: None).depends_on(last, a)


def test_plus_gives_lists_in_all_forms(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")

    def rest() -> Iterator[ppg.Job]:
        yield from (c, d)

    for total in (  # the forms are what is tested
        a + b + [c, d],
        a + [b, c] + d,  # noqa: RUF005
        [a] + (b + c) + d,
        (a, b) + ppg.JobList([c, d]),  # noqa: RUF005
        ppg.JobList(a) + ppg.JobList([b]) + rest(),
        [a, b] + c + d,  # noqa: RUF005
    ):
        assert isinstance(total, ppg.JobList)
        assert list(total) == [a, b, c, d]
    with pytest.raises(ppg.JobContractError, match="holds jobs"):
        a + ["b"]  # noqa: RUF005


def test_a_list_depends_on_jobs_and_is_depended_on(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")
    both = b + c
    assert both.depends_on(a) is both
    d.depends_on(both)
    assert (direct(b), direct(c), direct(d)) == ("a", "a", "bc")


def test_is_in_dependency_chain(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")
    d.depends_on(c.depends_on(b.depends_on(a)))
    assert d.is_in_dependency_chain(a, 3)
    assert not d.is_in_dependency_chain(a, 2)
    assert not a.is_in_dependency_chain(d, 10)


def test_shorthands_make_invariants_named_after_the_job(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    made = a.depends_on_params((1, 2)).depends_on_func("helper", write).depends_on_func(direct).depends_on_file("in")
    assert made is a
    assert {p.job_id: type(p) for p in a.prerequisites} == {
        "a_func": ppg.FunctionInvariant,
        "PIa": ppg.ParameterInvariant,
        "a_helper": ppg.FunctionInvariant,
        "a_direct": ppg.FunctionInvariant,
        "in": ppg.FileChecksumInvariant,
    }
    with pytest.raises(ppg.JobContractError, match="must be callable"):
        a.depends_on_func("nonsense", 5)
