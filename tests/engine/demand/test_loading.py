"""DataLoadingJob, AttributeLoadingJob: "loaded once, shared by fork", in the compute slave and nowhere else."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, tell, write


class Holder:
    """Something to load into."""

    value: Any


DATA: dict[str, Any] = {}
HOLDER = Holder()


def load() -> None:
    tell("loaded")
    DATA["list"] = [os.getpid()]


def show(path: str) -> None:
    """Who loaded, where it lies, who I am."""
    Path(path).write_text(f"{DATA['list'][0]} {id(DATA['list'])} {os.getpid()}")


def build(names: str = "abc", value: int = 1) -> None:
    loading = ppg.DataLoadingJob("load", load)
    for name in names:
        ppg.FileGeneratingJob(name, show).depends_on(loading).depends_on_params(value)


def test_data_is_loaded_once_and_shared_by_fork(project: Project) -> None:
    assert project.ran(build) == ["a", "b", "c", "load"]
    assert project.calls() == ["loaded"]
    loaders, places, jobs = zip(*(project.read(name).split() for name in "abc"), strict=True)
    assert len(set(loaders)) == 1
    assert len(set(places)) == 1, "the very same object"
    assert len({*jobs, *loaders, str(os.getpid())}) == 5, "each job in a process of its own, none in the script's"
    assert DATA == {}, "never in the script"


def test_it_is_loaded_only_if_a_dependant_must_run(project: Project) -> None:
    project.run(build)
    assert project.ran(build) == []
    assert project.calls() == ["loaded"]
    assert project.ran(partial(build, "abcd")) == ["d", "load"]
    assert project.run(partial(build, "abcd", 2)).reason("load").endswith(" needs its data")


def test_nobody_needs_it(project: Project) -> None:
    assert project.ran(partial(build, "")) == []


def test_a_changed_loader_redoes_the_dependants(project: Project) -> None:
    def build(value: int) -> None:
        loading = ppg.DataLoadingJob("load", partial(DATA.__setitem__, "value", value)).depends_on_params(value)
        ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(str(DATA["value"]))).depends_on(loading)

    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["a", "load"]
    assert project.read("a") == "2"


def test_an_attribute_is_there_in_the_jobs_that_depend_on_it(project: Project) -> None:
    def build() -> None:
        loading = ppg.AttributeLoadingJob("load", HOLDER, "value", lambda: [1, 2])
        for name in "ab":
            ppg.FileGeneratingJob(name, lambda path: Path(path).write_text(repr(HOLDER.value))).depends_on(loading)

    assert project.ran(build) == ["a", "b", "load"]
    assert project.read("a") == project.read("b") == "[1, 2]"
    assert not hasattr(HOLDER, "value"), "absent in the script"


def test_an_attribute_vanishes_once_nobody_needs_it_any_more(project: Project) -> None:
    """ "The attribute might disappear after all directly dependand jobs have been run.\""""

    def look(path: str) -> None:
        Path(path).write_text(str(hasattr(HOLDER, "value")))

    def build() -> None:
        loading = ppg.AttributeLoadingJob("load", HOLDER, "value", lambda: [1, 2])
        first = ppg.FileGeneratingJob("a", look).depends_on(loading)
        ppg.FileGeneratingJob("b", look).depends_on(first)

    project.run(build)
    assert (project.read("a"), project.read("b")) == ("True", "False")


def test_chains_of_loads_are_loaded_in_order(project: Project) -> None:
    """ "Chaining a bunch of them makes all of them run or none of them.\""""

    def loader(name: str, source: str) -> Any:
        return lambda: DATA.__setitem__(name, DATA.get(source, "") + name)

    def chain(value: int = 1) -> None:
        jobs: list[ppg.Job] = []
        for name, source in (("x", ""), ("y", "x"), ("z", "y")):
            jobs.append(ppg.DataLoadingJob(name, loader(name, source)).depends_on(jobs[-1:]))
        job = ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(DATA["z"]))
        job.depends_on(jobs[-1]).depends_on_params(value)

    assert project.ran(chain) == ["a", "x", "y", "z"]
    assert project.read("a") == "xyz"
    assert project.ran(chain) == []
    assert project.ran(partial(chain, 2)) == ["a", "x", "y", "z"]


def test_loads_of_files_that_a_job_makes(project: Project) -> None:
    def build(text: str) -> None:
        first = ppg.FileGeneratingJob("first", write(text))
        loading = ppg.DataLoadingJob("load", lambda: DATA.update(text=Path("first").read_text())).depends_on(first)
        ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(DATA["text"])).depends_on(loading)

    assert project.ran(partial(build, "1")) == ["a", "first", "load"]
    assert project.ran(partial(build, "1")) == []
    assert project.ran(partial(build, "2")) == ["a", "first", "load"]
    assert project.read("a") == "2"


def bad_exception() -> None:
    raise ValueError("no data")


def bad_exit() -> None:
    os._exit(3)


def bad_signal() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("bad", "type_"),
    [(bad_exception, ValueError), (bad_exit, ppg.JobDiedException), (bad_signal, ppg.JobDiedException)],
)
def test_a_failing_load_prunes_its_dependants_and_is_reported(project: Project, bad: Any, type_: type) -> None:
    def build() -> None:
        good = ppg.DataLoadingJob("good", load)
        broken = ppg.DataLoadingJob("broken", bad).depends_on(good)
        ppg.FileGeneratingJob("a", write()).depends_on(broken)
        ppg.FileGeneratingJob("b", write()).depends_on(broken, good)
        ppg.FileGeneratingJob("c", show).depends_on(good)

    outcome = project.run(build)
    assert outcome.failed == ["broken"]
    assert outcome.pruned == ["a", "b"]
    assert "c" in outcome.ran
    assert isinstance(outcome.exception("broken"), type_)
    assert project.run(build).ran == ["broken", "good"], "c is done"


def test_a_load_that_crashes_takes_no_loaded_data_along(project: Project) -> None:
    def build() -> None:
        loading = ppg.DataLoadingJob("load", load)
        for name in "ab":
            ppg.FileGeneratingJob(name, show).depends_on(loading)
        crashing = ppg.DataLoadingJob("crash", bad_signal).depends_on(ppg.util.global_pipegraph.jobs["a"], loading)
        ppg.FileGeneratingJob("z", write()).depends_on(crashing)
        ppg.FileGeneratingJob("after", show).depends_on(loading, ppg.util.global_pipegraph.jobs["b"])

    outcome = project.run(build)
    assert outcome.failed == ["crash"]
    assert project.calls() == ["loaded"]


def test_what_a_load_prints_belongs_to_it(project: Project) -> None:
    def chatty() -> None:
        os.write(1, b"loading\n")

    outcome = project.run(lambda: ppg.FileGeneratingJob("a", write()).depends_on(ppg.DataLoadingJob("load", chatty)))
    assert outcome.job("load").stdout == "loading\n"
    assert outcome.job("a").stdout == ""


def test_a_failed_dependant_loads_again_next_time(project: Project) -> None:
    def build(works: bool) -> None:
        loading = ppg.DataLoadingJob("load", load)
        ppg.FileGeneratingJob("a", show).depends_on(loading)
        ppg.FileGeneratingJob("b", show if works else fail).depends_on(loading)

    assert project.run(partial(build, False)).failed == ["b"]
    assert project.ran(partial(build, True)) == ["b", "load"]
