"""Nonsense given to depends_on: refused when it is given, and callables when they are asked; nothing of it stays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write


def files(names: str) -> list[ppg.FileGeneratingJob]:
    callback = write()
    return [ppg.FileGeneratingJob(name, callback) for name in names]


def direct(job: ppg.Job) -> str:
    return "".join(sorted(p.job_id for p in job.prerequisites if not p.job_id.endswith("_func")))


def endless() -> list[Any]:
    nested: list[Any] = []
    nested.append(nested)
    return nested


@pytest.mark.parametrize(
    ("nonsense", "words"),
    [
        ({"b": 1}, "Give its keys"),
        ({}, "Give its keys"),
        (ppg.FileGeneratingJob, "Give a job, not its class"),
        (dict, "takes jobs"),
        (itertools.count(), r"got 0 \(int\)"),
        (endless(), "nested more than 100 deep"),
        (lambda path: None, "needs 1"),
        (write("x"), "depends_on_func"),
        (bytearray(b"b"), r"got 98 \(int\)"),
        (range(3), r"got 0 \(int\)"),
    ],
)
def test_nonsense_is_refused_and_adds_nothing(project: Project, nonsense: Any, words: str) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b = files("ab")
    with pytest.raises(ppg.JobContractError, match=words) as error:
        a.depends_on(b, nonsense)
    assert "FileGeneratingJob('a')" in str(error.value), "it says which job"
    assert direct(a) == ""
    assert ppg.util.global_pipegraph.late_dependencies == []


def test_a_generator_that_raises_adds_nothing(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b = files("ab")

    def half() -> Iterator[ppg.Job]:
        yield b
        raise KeyError("half-way")

    with pytest.raises(KeyError, match="half-way"):
        a.depends_on(half())
    assert direct(a) == ""


def test_any_iterable_of_jobs_will_do(project: Project) -> None:
    numpy = pytest.importorskip("numpy")
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")
    a.depends_on(numpy.array([b, c]), {d: 1}.keys())
    assert direct(a) == "bcd"


def test_a_callable_that_raises_is_named_and_asked_again(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = files("abcd")
    mended = []

    def late() -> ppg.Job:
        if not mended:
            raise KeyError("not yet")
        return b

    a.depends_on(lambda: c)
    a.depends_on(late)
    a.depends_on(lambda: d)
    with pytest.raises(KeyError, match="not yet") as error:
        ppg.run()
    assert error.value.__notes__ == ["This came from a callable that was given to FileGeneratingJob('a').depends_on()."]
    assert not (project.path / "c").exists(), "nothing was run"
    mended.append(True)
    ppg.run()
    assert direct(a) == "bcd"
    assert project.read("a") == "x"


@pytest.mark.parametrize("nonsense", [5, "b", {"b": 1}, [[b"b"]]])
def test_a_callable_that_gives_nonsense_is_named_too(project: Project, nonsense: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    a.depends_on(lambda: [lambda: nonsense])
    with pytest.raises(ppg.JobContractError, match=r"takes jobs.*got") as error:
        ppg.run()
    assert "given to FileGeneratingJob('a').depends_on()" in error.value.__notes__[0]


def test_a_callable_that_gives_itself_is_not_asked_for_ever(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")

    def again() -> Any:
        return again

    a.depends_on(again)
    with pytest.raises(ppg.JobContractError, match=r"FileGeneratingJob\('a'\).*and so on for 100 rounds"):
        ppg.run()


def test_in_a_generator_callables_that_give_callables_are_asked_as_well(project: Project) -> None:
    def build() -> None:
        (old,) = files("o")

        def generate() -> None:
            ppg.FileGeneratingJob("new", write()).depends_on(lambda: [lambda: lambda: old])

        ppg.JobGeneratingJob("generator", generate)

    outcome = project.run(build)
    assert outcome.failed == []
    assert direct(outcome.job("new")) == "o"


def test_jobs_of_another_pipegraph_given_by_a_callable_are_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    (old,) = files("o")
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    a.depends_on(lambda: old)
    with pytest.raises(ppg.JobContractError, match="two pipegraphs"):
        ppg.run()


def test_a_circle_that_callables_close_is_printed(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c = files("abc")
    a.depends_on(b)
    b.depends_on(c)
    c.depends_on(lambda: a)
    with pytest.raises(ppg.CycleError) as error:
        ppg.run()
    for step in ("'a' depends on 'b'", "'b' depends on 'c'", "'c' depends on 'a'"):
        assert step in str(error.value)
    assert not (project.path / "a").exists()
