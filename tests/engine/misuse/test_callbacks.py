"""Callables of all kinds as callbacks: those that can't work are refused at once, those that can do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write


class Holder:
    """Something to load into."""


MAKERS: dict[str, Callable[[Any], Any]] = {
    "FileGeneratingJob": lambda f: ppg.FileGeneratingJob("a", f),
    "MultiFileGeneratingJob": lambda f: ppg.MultiFileGeneratingJob(["a"], f),
    "TempFileGeneratingJob": lambda f: ppg.TempFileGeneratingJob("a", f),
    "DataLoadingJob": lambda f: ppg.DataLoadingJob("a", f),
    "AttributeLoadingJob": lambda f: ppg.AttributeLoadingJob("a", Holder, "x", f),
    "CachedAttributeLoadingJob": lambda f: ppg.CachedAttributeLoadingJob("a", Holder, "x", f),
    "CachedDataLoadingJob, calculate": lambda f: ppg.CachedDataLoadingJob("a", f, lambda value: None),
    "CachedDataLoadingJob, load": lambda f: ppg.CachedDataLoadingJob("a", lambda: 1, f),
    "JobGeneratingJob": lambda f: ppg.JobGeneratingJob("a", f),
    "FinalJob": lambda f: ppg.FinalJob("a", f),
    "PlotJob, calc": lambda f: ppg.PlotJob("a.png", f, lambda table: table),
    "PlotJob, plot": lambda f: ppg.PlotJob("a.png", lambda: 1, f),
}


def yields() -> Iterator[int]:
    yield 1


async def waits() -> None: ...


async def waits_and_yields() -> AsyncIterator[int]:
    yield 1


class Odd:
    """Callables in other shapes."""

    def yields(self) -> Iterator[int]:
        yield 1

    async def __call__(self) -> None: ...


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (yields, "has a yield in it"),
        (partial(yields), "has a yield in it"),
        (Odd().yields, "has a yield in it"),
        (waits, "is an async function"),
        (waits_and_yields, "is an async function"),
        (Odd(), "is an async function"),
        (partial(partial(Odd())), "is an async function"),
    ],
)
def test_what_does_nothing_when_it_is_called_is_refused(project: Project, name: str, callback: Any, words: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=words):
        MAKERS[name](callback)
    assert ppg.util.global_pipegraph.jobs == {}


def test_an_injection_may_yield_the_jobs_to_inject(project: Project) -> None:
    def inject() -> Iterator[ppg.Job]:
        for number in range(3):
            yield ppg.FileGeneratingJob(f"new{number}", write())

    def build() -> None:
        ppg.FileGeneratingJob("z", write()).depends_on(ppg.DependencyInjectionJob("injection", inject))

    outcome = project.run(build)
    assert outcome.ran == ["injection", "new0", "new1", "new2", "z"]
    assert {p.job_id for p in outcome.job("z").prerequisites} >= {"new0", "new1", "new2"}


class Maker:
    """A class as a callback: making an instance does the work."""

    def __init__(self, path: Any = "a") -> None:
        Path(path).write_text("x")

    @classmethod
    def by_class(cls, path: Any) -> None:
        cls(path)

    @staticmethod
    def by_function(path: Any, *more: Any, **options: Any) -> None:
        assert (more, options) == ((), {})
        Maker(path)


def two(first: Any, second: Any) -> None: ...


def only_named(*, path: Any) -> None: ...


def named_with_default(path: Any, *, text: str = "x") -> None:
    Path(path).write_text(text)


@pytest.mark.parametrize(
    "callback", [Maker, Maker.by_class, Maker.by_function, named_with_default, partial(Maker, "a")]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_can_be_called_with_a_path_or_nothing_works(project: Project, callback: Any) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", callback)

    assert project.ran(build) == ["a"]
    assert project.read("a") == "x"
    assert project.ran(build) == []


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (two, "needs 2 arguments"),
        (partial(two), "needs 2 arguments"),
        (only_named, "keyword-only arguments without a default: path"),
        (partial(two, second=1), "needs 1 argument"),
        (os.rename, "needs 2 arguments"),
        (type("Two", (), {"__init__": two, "__call__": two}), "needs 1 argument"),
    ],
)
def test_what_needs_other_arguments_is_refused(project: Project, callback: Any, words: str) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match=words):
        ppg.FinalJob("last", callback)
    assert ppg.util.global_pipegraph.jobs == {}


def test_a_builtin_that_takes_anything_is_called_and_found_out(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", print))
    assert outcome.failed == ["a"]
    assert "did not create its output" in str(outcome.exception("a"))


class Refuses:
    """Can be called, and asked nothing."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(f"no {name}")

    def __call__(self, path: Any) -> None:
        Path(path).write_text("x")


def test_a_callback_that_refuses_to_be_looked_at_is_named(project: Project) -> None:
    with pytest.raises(ValueError, match="no __wrapped__") as error:
        project.run(lambda: ppg.FileGeneratingJob("a", Refuses()))
    assert "the callback of FileGeneratingJob('a')" in error.value.__notes__[0]
