"""CachedAttributeLoadingJob, CachedDataLoadingJob: calculated once, kept in a file, loaded where needed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, tell, write


class Holder:
    """Something to load into."""

    value: Any


HOLDER = Holder()


def calculator(value: Any) -> Any:
    def calculate() -> Any:
        tell("calculated")
        return value

    return calculate


def show(path: str) -> None:
    Path(path).write_text(repr(HOLDER.value))


def attribute(value: Any = 5, users: tuple[str, ...] = ("a",), parameter: int = 1) -> None:
    job = ppg.CachedAttributeLoadingJob("cache", HOLDER, "value", calculator(value))
    for name in users:
        ppg.FileGeneratingJob(name, show).depends_on(job).depends_on_params(parameter)


def data(value: Any = 5, users: tuple[str, ...] = ("a",), parameter: int = 1) -> None:
    def store(loaded: Any) -> None:
        HOLDER.value = loaded

    job = ppg.CachedDataLoadingJob("cache", calculator(value), store)
    for name in users:
        ppg.FileGeneratingJob(name, show).depends_on(job).depends_on_params(parameter)


both = pytest.mark.parametrize("build", [attribute, data])


@both
def test_it_is_calculated_and_loaded_once_for_all(project: Project, build: Any) -> None:
    users = ("a", "b", "c")
    assert project.ran(partial(build, users=users)) == ["a", "b", "c", "cache", "cache_load"]
    assert [project.read(name) for name in users] == ["5", "5", "5"]
    assert project.calls() == ["calculated"]
    assert project.ran(partial(build, users=users)) == []
    assert not hasattr(HOLDER, "value"), "the attribute never exists in the script"


@both
def test_without_a_dependant_it_is_not_calculated(project: Project, build: Any) -> None:
    """ "The calc function does not get run if there are no dependencies.\""""
    assert project.ran(partial(build, users=())) == []
    assert project.calls() == []


@both
def test_the_file_persists_and_serves_the_next_that_needs_it(project: Project, build: Any) -> None:
    project.run(build)
    assert Path("cache").exists()
    assert project.ran(partial(build, parameter=2)) == ["a", "cache_load"]
    assert project.ran(partial(build, users=("a", "b"), parameter=2)) == ["b", "cache_load"]
    assert project.calls() == ["calculated"]


@both
def test_another_calculation_redoes_the_dependants(project: Project, build: Any) -> None:
    project.run(build)
    assert project.ran(partial(build, 6)) == ["a", "cache", "cache_load"]
    assert project.read("a") == "6"


@both
def test_a_lost_cache_is_calculated_again_only_when_needed(project: Project, build: Any) -> None:
    project.run(build)
    os.unlink("cache")
    assert project.ran(build) == []
    outcome = project.run(partial(build, parameter=2))
    assert outcome.ran == ["a", "cache", "cache_load"]
    assert outcome.reason("cache") == "its output is missing"


@both
def test_the_cache_outlives_a_failed_dependant(project: Project, build: Any) -> None:
    def failing() -> None:
        build(users=())
        load = ppg.util.global_pipegraph.jobs["cache_load"]
        ppg.FileGeneratingJob("a", fail).depends_on(load)

    assert project.run(failing).failed == ["a"]
    assert project.ran(build) == ["a", "cache_load"]
    assert project.calls() == ["calculated"]


def test_prerequisites_go_to_the_calculation(project: Project) -> None:
    def build(value: int) -> None:
        first = ppg.FileGeneratingJob("first", write(str(value)))
        job = ppg.CachedAttributeLoadingJob("cache", HOLDER, "value", lambda: Path("first").read_text())
        assert job.depends_on(first) is job
        ppg.FileGeneratingJob("a", show).depends_on(job)

    assert project.ran(partial(build, 1)) == ["a", "cache", "cache_load", "first"]
    assert project.ran(partial(build, 2)) == ["a", "cache", "cache_load", "first"]
    assert project.read("a") == "'2'"


def test_resources_and_ignored_code_go_to_the_calculation(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    for job in (
        ppg.CachedAttributeLoadingJob("c1", HOLDER, "value", int),
        ppg.CachedDataLoadingJob("c2", int, repr),
    ):
        job.cores_needed = 2
        assert job.lfg.cores_needed == job.cores_needed == 2
        assert job.use_cores(-1).lfg.cores_needed == -1
        job.memory_needed = 1 << 20
        assert job.lfg.memory_needed == job.memory_needed == 1 << 20


def test_ignored_code_calculates_nothing_again(project: Project) -> None:
    def build(value: int, parameter: int = 1) -> None:
        job = ppg.CachedAttributeLoadingJob("cache", HOLDER, "value", calculator(value)).ignore_code_changes()
        ppg.FileGeneratingJob("a", show).depends_on(job).depends_on_params(parameter)

    project.run(partial(build, 1))
    assert project.ran(partial(build, 2, 2)) == ["a", "cache_load"]
    assert project.read("a") == "1"


def test_a_changed_loading_function_redoes_without_calculating(project: Project) -> None:
    def build(text: str) -> None:
        def store(loaded: Any) -> None:
            HOLDER.value = (loaded, text)

        job = ppg.CachedDataLoadingJob("cache", calculator(5), store)
        ppg.FileGeneratingJob("a", show).depends_on(job)

    project.run(partial(build, "one"))
    assert project.ran(partial(build, "two")) == ["a", "cache_load"]
    assert project.read("a") == "(5, 'two')"
    assert project.calls() == ["calculated"]


def test_a_failing_calculation_prunes(project: Project) -> None:
    def build() -> None:
        job = ppg.CachedDataLoadingJob("folder/cache", lambda: 1 / 0, lambda value: None)
        ppg.FileGeneratingJob("a", write()).depends_on(job)

    outcome = project.run(build)
    assert outcome.failed == ["folder/cache"]
    assert "a" in outcome.pruned
    assert isinstance(outcome.exception("folder/cache"), ZeroDivisionError)
    assert not Path("folder/cache").exists()


def test_a_value_that_cannot_be_pickled_fails_the_calculation(project: Project) -> None:
    outcome = project.run(partial(attribute, (number for number in ())))
    assert outcome.failed == ["cache"]
    assert isinstance(outcome.exception("cache"), TypeError)


def test_folders_of_the_cache_are_made(project: Project) -> None:
    def build() -> None:
        job = ppg.CachedAttributeLoadingJob("some/folder/cache", HOLDER, "value", lambda: 5)
        ppg.FileGeneratingJob("a", show).depends_on(job)

    assert project.ran(build) == ["a", "some/folder/cache", "some/folder/cache_load"]


def test_cachedjob_is_the_older_name(project: Project) -> None:
    assert ppg.CachedJob is ppg.CachedDataLoadingJob
