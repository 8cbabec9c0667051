"""Callbacks that return jobs where nothing would come of them: each job class fails at once, and names the way out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write


class Holder:
    """Something to load into."""


def file_job(returned: Any, *names: str) -> Callable[[], Any]:
    """A callback that does its work, then returns what it was told to."""

    def callback() -> Any:
        for name in names:
            Path(name).write_text("x")
        return returned

    return callback


def user(*prerequisites: ppg.Job) -> ppg.Job:
    return ppg.FileGeneratingJob("user", write()).depends_on(*prerequisites)


MAKERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "FileGeneratingJob": ("a", lambda x: ppg.FileGeneratingJob("a", file_job(x, "a"))),
    "MultiFileGeneratingJob": ("a:b", lambda x: ppg.MultiFileGeneratingJob(["a", "b"], file_job(x, "a", "b"))),
    "TempFileGeneratingJob": ("a", lambda x: user(ppg.TempFileGeneratingJob("a", file_job(x, "a")))),
    "MultiTempFileGeneratingJob": (
        "a:b",
        lambda x: user(ppg.MultiTempFileGeneratingJob(["a", "b"], file_job(x, "a", "b"))),
    ),
    "TempFilePlusGeneratingJob": ("a", lambda x: ppg.TempFilePlusGeneratingJob("a", "b", file_job(x, "a", "b"))),
    "DataLoadingJob": ("a", lambda x: user(ppg.DataLoadingJob("a", file_job(x)))),
    "AttributeLoadingJob": ("a", lambda x: user(ppg.AttributeLoadingJob("a", Holder, "x", file_job(x)))),
    "CachedAttributeLoadingJob": ("a", lambda x: user(ppg.CachedAttributeLoadingJob("a", Holder, "x", file_job(x)))),
    "CachedDataLoadingJob, calculate": ("a", lambda x: user(ppg.CachedDataLoadingJob("a", file_job(x), print))),
    "CachedDataLoadingJob, load": ("a_load", lambda x: user(ppg.CachedDataLoadingJob("a", dict, lambda value: x))),
    "MemMappedDataLoadingJob, calculate": (
        "a",
        lambda x: user(ppg.MemMappedDataLoadingJob("a", file_job(x), print, "u1")),
    ),
    "FinalJob": ("a", lambda x: ppg.FinalJob("a", file_job(x))),
}
RETURNED: dict[str, Callable[[ppg.Job], Any]] = {
    "a job": lambda other: other,
    "a list": lambda other: [other],
    "a tuple": lambda other: (other, 1),
    "a set": lambda other: {other},
    "a dict": lambda other: {"x": other},
    "a JobList": lambda other: ppg.JobList([other]),
}


@pytest.mark.parametrize(
    ("name", "what"),
    [*((name, "a job") for name in MAKERS), *(("FileGeneratingJob", what) for what in RETURNED if what != "a job")],
)
def test_fails_the_job_with_the_way_out_and_leaves_nothing(project: Project, name: str, what: str) -> None:
    job_id, make = MAKERS[name]

    def build() -> None:
        make(RETURNED[what](ppg.FileGeneratingJob("other", write())))

    outcome = project.run(build)
    assert outcome.failed == [job_id]
    assert isinstance(outcome.exception(job_id), ppg.JobContractError)
    told = str(outcome.exception(job_id))
    assert told.startswith(f"The callback of {job_id!r} returned ")
    for words in ("FileGeneratingJob('other')", "DependencyInjectionJob", "JobGeneratingJob", "depends_on()"):
        assert words in told
    assert "other" in outcome.ran
    calculated = {"a"} if job_id == "a_load" else set()
    assert {"a", "b", "user"} & set(os.listdir()) == calculated


@pytest.mark.parametrize("value", [[], (), {}, {"x": 1}, [1], "text", 0, object(), print])
def test_every_other_value_is_ignored(project: Project, value: Any) -> None:
    assert project.ran(lambda: ppg.FileGeneratingJob("a", file_job(value, "a"))) == ["a"]


def test_a_data_frame_has_no_truth_and_needs_none(project: Project) -> None:
    pandas = pytest.importorskip("pandas")
    loads = lambda: ppg.AttributeLoadingJob("load", Holder, "x", lambda: pandas.DataFrame({"x": [1, 2]}))  # noqa: E731
    assert project.ran(lambda: user(loads())) == ["load", "user"]


def test_a_generator_may_return_what_it_made(project: Project) -> None:
    """It is in the graph already, so nothing is lost."""
    outcome = project.run(lambda: ppg.JobGeneratingJob("g", lambda: [ppg.FileGeneratingJob("new", write())]))
    assert outcome.ran == ["g", "new"]
