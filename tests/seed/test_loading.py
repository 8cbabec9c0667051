"""Compute slave modifying jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.project import Project, tell, write

import pypipegraph as ppg


class Holder:
    """Something to load into."""

    value: Any


def test_attribute_loading_job(project: Project) -> None:
    """Load data (from wherever), and store it as attribute on an object. Only occurs if there is another Job depending
    on it that needs o be done.
    """
    holder = Holder()

    def load() -> int:
        tell("loaded")
        return 42

    def build() -> None:
        loading = ppg.AttributeLoadingJob("load", holder, "value", load)
        ppg.FileGeneratingJob("a", lambda path: write(str(holder.value))(path)).depends_on(loading)

    project.run(lambda: ppg.AttributeLoadingJob("load", holder, "value", load))
    assert project.calls() == []
    assert project.ran(build) == ["a", "load"]
    assert project.read("a") == "42"
    assert project.ran(build) == []
    assert project.calls() == ["loaded"]
    assert not hasattr(holder, "value")


def test_the_attribute_disappears(project: Project) -> None:
    """The attribute might disappear after all directly dependand jobs have been run"""
    holder = Holder()

    def build() -> None:
        loading = ppg.AttributeLoadingJob("load", holder, "value", lambda: 42)
        needs = ppg.FileGeneratingJob("needs", lambda path: write(str(holder.value))(path)).depends_on(loading)
        look = ppg.FileGeneratingJob("later", lambda path: write(str(hasattr(holder, "value")))(path))
        look.depends_on(needs)

    project.ran(build)
    assert (project.read("needs"), project.read("later")) == ("42", "False")


def test_data_loading_job_stores_where_you_say(project: Project) -> None:
    """Similar to an AttributeLoadingJob, but does not do anything about the data storage - that's your job.

    On the plus side, the data loaded via this job does not get automatically eaten once all dependend jobs have been
    done.
    """
    data: dict[str, int] = {}

    def build() -> None:
        loading = ppg.DataLoadingJob("load", lambda: data.update(answer=42))
        needs = ppg.FileGeneratingJob("needs", lambda path: write(str(data))(path)).depends_on(loading)
        ppg.FileGeneratingJob("later", lambda path: write(str(data))(path)).depends_on(needs)

    project.ran(build)
    assert project.read("needs") == project.read("later") == "{'answer': 42}"


def test_a_chain_of_loads_runs_whole_or_not_at_all(project: Project) -> None:
    """DataLoadingJobs don't directly require their prerequisits to be done - so chaining a bunch of them, and having a
    FileGeneratingJob at either makes all of them run (given that the FileGeneratingJob is not done) or none of them.
    """
    data: list[int] = []

    def build() -> None:
        former = None
        for n in range(3):
            former = ppg.DataLoadingJob(f"load{n}", lambda n=n: data.append(n)).depends_on(former)
        ppg.FileGeneratingJob("a", lambda path: write(str(data))(path)).depends_on(former)

    assert project.ran(build) == ["a", "load0", "load1", "load2"]
    assert project.read("a") == "[0, 1, 2]"
    assert project.ran(build) == []
    os.unlink("a")
    assert project.ran(build) == ["a", "load0", "load1", "load2"]


def test_the_data_may_come_from_a_job(project: Project) -> None:
    """load data into a compute slave"""
    data: list[str] = []

    def build(text: str) -> None:
        source = ppg.FileGeneratingJob("source", write(text))
        loading = ppg.DataLoadingJob("load", lambda: data.append(Path("source").read_text())).depends_on(source)
        ppg.FileGeneratingJob("a", lambda path: write(data[0])(path)).depends_on(loading)

    for text in ("one", "two"):
        assert project.ran(lambda text=text: build(text)) == ["a", "load", "source"]
        assert project.read("a") == text
