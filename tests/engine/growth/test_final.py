"""FinalJob: "after everything else, only if nothing failed; triggers no loads or temporaries"."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pypipegraph as ppg

from ..project import Project, fail, tell, write


def test_it_runs_after_everything_and_every_time(project: Project) -> None:
    def build() -> None:
        ppg.FinalJob("last", lambda: tell("".join(sorted(p.name for p in Path().glob("?")))))
        for name in "abc":
            ppg.FileGeneratingJob(name, write())

    assert project.ran(build) == ["a", "b", "c", "last"]
    assert project.ran(build) == ["last"]
    assert project.calls() == ["abc", "abc"]


def test_also_after_what_was_generated(project: Project) -> None:
    def build() -> None:
        ppg.FinalJob("last", lambda: tell("".join(sorted(p.name for p in Path().glob("?")))))
        ppg.JobGeneratingJob("generator", lambda: [ppg.FileGeneratingJob(n, write()) for n in "ab"])

    assert project.ran(build) == ["a", "b", "generator", "last"]
    assert project.calls() == ["ab"]


def test_not_when_something_failed(project: Project) -> None:
    def build() -> None:
        ppg.FinalJob("last", partial(tell, "last"))
        ppg.FileGeneratingJob("bad", fail)

    outcome = project.run(build)
    assert outcome.failed == ["bad"]
    assert "last" in outcome.pruned
    assert project.calls() == []


def test_not_when_an_input_is_missing(project: Project) -> None:
    def build() -> None:
        ppg.FinalJob("last", partial(tell, "last"))
        ppg.FileGeneratingJob("a", write()).depends_on_file("missing")

    project.run(build)
    assert project.calls() == []


def test_it_triggers_no_loads_temporaries_or_caches(project: Project) -> None:
    def build() -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        load = ppg.DataLoadingJob("load", partial(tell, "loaded"))
        cached = ppg.CachedDataLoadingJob("cached", int, lambda value: None)
        ppg.FinalJob("last", partial(tell, "last")).depends_on(temporary, load, cached)

    assert project.ran(build) == ["last"]
    assert project.calls() == ["last"]


def test_final_jobs_may_follow_each_other(project: Project) -> None:
    def build() -> None:
        third = ppg.FinalJob("third", partial(tell, "3"))
        second = ppg.FinalJob("second", partial(tell, "2"))
        first = ppg.FinalJob("first", partial(tell, "1"))
        third.depends_on(second.depends_on(first))

    assert project.ran(build) == ["first", "second", "third"]
    assert project.calls() == ["1", "2", "3"]


def test_it_may_fail_itself(project: Project) -> None:
    def build() -> None:
        first = ppg.FinalJob("first", lambda: 1 / 0)
        ppg.FinalJob("second", partial(tell, "2")).depends_on(first)
        ppg.FileGeneratingJob("a", write())

    outcome = project.run(build)
    assert outcome.failed == ["first"]
    assert outcome.pruned == ["second"]
    assert isinstance(outcome.exception("first"), ZeroDivisionError)
    assert outcome.job("a").was_run
    assert project.run(build).ran == ["first"]
