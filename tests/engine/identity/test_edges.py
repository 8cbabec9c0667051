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


FORMS = {
    "job": lambda jobs: jobs[0] if len(jobs) == 1 else None,
    "JobList": ppg.JobList,
    "list": list,
    "tuple": tuple,
    "generator": lambda jobs: (job for job in jobs),
    "dict": dict.fromkeys,
}


@pytest.mark.parametrize("right", FORMS)
@pytest.mark.parametrize("left", FORMS)
def test_a_job_or_iterable_plus_a_job_or_iterable_is_an_iterable_of_jobs(
    project: Project, left: str, right: str
) -> None:
    """ "Adding jobs gives you an iterable of jobs (which depends_on also takes)", for all pairs where one side is ours:
    two plain containers don't know of jobs."""
    ppg.new_pipegraph(quiet=True)
    a, b, z = files("abz")
    if {left, right} & {"job", "JobList"}:
        total = FORMS[left]([a]) + FORMS[right]([b])
        assert isinstance(total, ppg.JobList)
        assert list(total) == [a, b]
        assert direct(z.depends_on(total)) == "ab"


def test_the_sides_of_a_sum_stay_as_they_are(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c = files("abc")
    both, plain = a + b, [a]
    assert list(both + c) == [a, b, c]
    assert plain + ppg.JobList(c) == [a, c]
    assert (list(both), plain) == ([a, b], [a])


def test_sums_may_nest_repeat_and_be_empty(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c = files("abc")
    nothing: list[ppg.Job] = []
    assert list(a + (b + (c + nothing))) == [a, b, c]
    assert list(nothing + a) == [a]
    assert list(ppg.JobList() + nothing) == nothing
    assert list(a + a) == [a, a]
    assert list(sum([a, b, c], ppg.JobList())) == [a, b, c]
    assert list(ppg.JobList({a})) == list(ppg.JobList(iter([a]))) == list(ppg.JobList(a)) == [a]


def test_a_list_grows_in_place(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")
    jobs = same = ppg.JobList()
    jobs += a
    jobs += [b, c]
    jobs += (job for job in [d])
    assert jobs is same
    assert list(jobs) == [a, b, c, d]
    one = a
    one += b
    assert (one, list(a + b)) == ([a, b], [a, b])


@pytest.mark.parametrize("nonsense", [5, None, "a", ["a"], [None], [[]], object()])
def test_a_list_holds_nothing_but_jobs(project: Project, nonsense: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    jobs = ppg.JobList(a)
    for add in (
        lambda: a + nonsense,
        lambda: nonsense + a,
        lambda: jobs + nonsense,
        lambda: nonsense + jobs,
        lambda: jobs.__iadd__(nonsense),
        lambda: ppg.JobList(nonsense),
    ):
        with pytest.raises(ppg.JobContractError, match="holds jobs"):
            add()
    assert list(jobs) == [a]


def test_all_jobs_of_a_list_get_what_an_iterator_gives(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")
    (c + d).depends_on((job for job in [a]), iter([b]), None)
    assert (direct(c), direct(d)) == ("ab", "ab")


def test_all_jobs_of_a_list_get_what_a_callable_gives(project: Project) -> None:
    def build() -> None:
        late, c, d = files("lcd")
        (c + d).depends_on(lambda: late)

    outcome = project.run(build)
    assert (direct(outcome.job("c")), direct(outcome.job("d"))) == ("l", "l")


def test_lists_nest_in_depends_on(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, z = files("abcz")
    z.depends_on([a + b], (ppg.JobList(c), None), ppg.JobList())
    assert direct(z) == "abc"
    assert list(z + ppg.ParameterInvariant("p", 1)) == [z, ppg.util.global_pipegraph.jobs["PIp"]], "any kind of job"


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
