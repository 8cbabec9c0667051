"""`job.prune()`: the job and what depends on it are as if they had not been written down."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Outcome, Project, copy, fail, tell, write

HELD: dict[str, str] = {}


def chain(*pruned: str, value: int = 1) -> None:
    """a -> b -> c, and d beside them."""
    a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
    b = ppg.FileGeneratingJob("b", copy("a")).depends_on(a)
    ppg.FileGeneratingJob("c", copy("b")).depends_on(b)
    ppg.FileGeneratingJob("d", write())
    for job_id in pruned:
        jobs()[job_id].prune()


def jobs() -> dict[str, ppg.Job]:
    assert ppg.util.global_pipegraph is not None
    return ppg.util.global_pipegraph.jobs


def not_run(outcome: Outcome) -> dict[str, str]:
    """What the log says of jobs that were left out."""
    lines = [line.partition(" not run: ")[2] for line in outcome.log.splitlines() if line.endswith("pruned")]
    return {job: reason for job, _, reason in (line.partition(", because ") for line in lines)}


def rows(*job_ids: str) -> list[Any]:
    with closing(sqlite3.connect(".pypipegraph_status_robust")) as store:
        return [store.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchall() for job_id in job_ids]


def test_what_is_pruned_and_what_depends_on_it_is_not_run_and_not_failed(project: Project) -> None:
    outcome = project.run(lambda: chain("b"))
    assert outcome.error is None
    assert outcome.ran == ["a", "d"]
    for job_id in "bc":
        job = outcome.job(job_id)
        assert (job.was_run, job.failed, job.exception, job.error_reason) == (False, False, None, "")
        assert not os.path.exists(job_id)
    assert not_run(outcome) == {
        "FileGeneratingJob('b')": "it was pruned",
        "FileGeneratingJob('c')": "FileGeneratingJob('b') was pruned",
    }
    assert outcome.log.rstrip().count("2 left out") == 1
    assert project.ran(chain) == ["b", "c"]


def test_unpruned_it_is_as_before(project: Project) -> None:
    def build() -> None:
        chain("b", "d")
        assert jobs()["b"].unprune() is jobs()["b"]
        jobs()["a"].unprune()
        assert jobs()["d"].prune().prune().unprune() is jobs()["d"]

    assert project.ran(build) == ["a", "b", "c", "d"]


def test_it_is_settled_when_the_run_starts(project: Project) -> None:
    """Jobs that come to depend on it later, also by callables, are left out as well."""

    def build() -> None:
        a = ppg.FileGeneratingJob("a", write()).prune()
        ppg.FileGeneratingJob("b", write()).depends_on(lambda: a)
        ppg.FileGeneratingJob("c", write()).depends_on(lambda: jobs()["d"].prune())
        ppg.FileGeneratingJob("d", write())
        ppg.FileGeneratingJob("e", write())

    assert project.ran(build) == ["e"]


def test_records_and_files_stay_whatever_changed(project: Project) -> None:
    project.run(chain)
    before = rows("b", "c")
    facts = [os.stat(path) for path in "bc"]
    assert project.ran(lambda: chain("b", value=2)) == ["a"]
    assert [os.stat(path).st_mtime_ns for path in "bc"] == [f.st_mtime_ns for f in facts]
    assert rows("b", "c") == before
    assert project.ran(lambda: chain(value=2)) == ["b", "c"]
    assert project.ran(lambda: chain(value=2)) == []


def test_nothing_is_redone_because_it_was_pruned_once(project: Project) -> None:
    project.run(chain)
    assert project.ran(lambda: chain("a")) == []
    assert project.ran(chain) == []


def test_all_may_be_pruned(project: Project) -> None:
    assert project.ran(lambda: chain("a", "d")) == []
    assert set(os.listdir()) == {"logs", ".pypipegraph_status_robust"}


def test_a_failure_upstream_of_it_is_one_still(project: Project) -> None:
    def build() -> None:
        a = ppg.FileGeneratingJob("a", fail)
        b = ppg.FileGeneratingJob("b", write()).depends_on(a).prune()
        ppg.FileGeneratingJob("c", write()).depends_on(b, a)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["a"], [])


def test_a_missing_input_of_pruned_jobs_alone_fails_nothing(project: Project) -> None:
    def build(*pruned: str) -> None:
        missing = ppg.FileChecksumInvariant("missing")
        for name in "ab":
            ppg.FileGeneratingJob(name, write()).depends_on(missing)
        for name in pruned:
            jobs()[name].prune()

    assert project.ran(lambda: build("a", "b")) == []
    assert project.run(lambda: build("a")).pruned == ["b"]


def test_an_invariant_may_be_pruned_with_all_that_depends_on_it(project: Project) -> None:
    assert project.ran(lambda: chain("PIa")) == ["d"]


def test_a_cycle_among_pruned_jobs_harms_nobody(project: Project) -> None:
    def build() -> None:
        names = "abc"
        made = [ppg.FileGeneratingJob(name, write()) for name in names]
        for job, other in zip(made, [*made[1:], made[0]], strict=True):
            job.depends_on(other)
        made[1].prune()
        ppg.FileGeneratingJob("d", write())

    assert project.ran(build) == ["d"]


def test_a_temporary_that_only_pruned_jobs_need_is_not_made(project: Project) -> None:
    def build(prune: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        job = ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary)
        if prune:
            job.prune()

    assert project.ran(lambda: build(True)) == []
    assert project.ran(lambda: build(False)) == ["a", "t"]
    assert not os.path.exists("t")


def test_a_pruned_temporary_keeps_its_leftover(project: Project) -> None:
    def build(works: bool, prune: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        ppg.FileGeneratingJob("a", copy("t") if works else fail).depends_on(temporary)
        if prune:
            temporary.prune()

    project.run(lambda: build(False, False))
    assert project.ran(lambda: build(True, True)) == []
    assert project.read("t") == "x"
    assert project.ran(lambda: build(True, False)) == ["a"]


class Target:
    value: Any = None


@pytest.mark.parametrize("half", ["both", "calculation"])
def test_a_cached_job_is_pruned_as_a_whole(project: Project, half: str) -> None:
    def build(prune: bool) -> None:
        cached = ppg.CachedAttributeLoadingJob("cache", Target, "value", lambda: 7)
        ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(str(Target.value))).depends_on(cached)
        ppg.FileGeneratingJob("b", write()).depends_on(cached.lfg)
        ppg.FileGeneratingJob("c", write())
        if prune:
            (cached if half == "both" else cached.lfg).prune()

    assert project.ran(lambda: build(True)) == ["c"]
    assert not os.path.exists("cache")
    assert project.ran(lambda: build(False)) == ["a", "b", "cache", "cache_load"]


def test_a_cached_job_is_unpruned_as_a_whole(project: Project) -> None:
    def build() -> None:
        cached = ppg.CachedDataLoadingJob("cache", lambda: 7, lambda value: HELD.update(a=str(value)))
        ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(HELD["a"])).depends_on(cached)
        cached.prune().unprune()

    assert project.ran(build) == ["a", "cache", "cache_load"]


def test_a_pruned_loading_job_loads_nothing(project: Project) -> None:
    def build() -> None:
        loading = ppg.DataLoadingJob("load", lambda: tell("loaded"))
        after = ppg.DataLoadingJob("after", lambda: tell("loaded after")).depends_on(loading)
        ppg.FileGeneratingJob("a", write()).depends_on(after)
        ppg.FileGeneratingJob("b", write())
        loading.prune()

    assert project.ran(build) == ["b"]
    assert project.calls() == []


def test_a_final_job_runs_unless_it_depends_on_a_pruned_one(project: Project) -> None:
    def build() -> None:
        chain("b")
        ppg.FinalJob("after c", lambda: tell("after-c")).depends_on(jobs()["c"])
        last = ppg.FinalJob("after all", lambda: tell("after-all"))
        ppg.FinalJob("after that", lambda: tell("after-that")).depends_on(last)

    assert project.ran(build) == ["a", "after all", "after that", "d"]
    assert project.calls() == ["after-all", "after-that"]


def test_job_lists_prune_all_their_jobs(project: Project) -> None:
    def build(unprune: bool) -> None:
        chain()
        some = ppg.JobList([jobs()["b"], jobs()["d"]])
        assert some.prune() is some
        if unprune:
            assert some.unprune() is some

    assert project.ran(lambda: build(False)) == ["a"]
    assert project.ran(lambda: build(True)) == ["b", "c", "d"]


def test_a_dry_run_says_what_is_left_out_and_the_run_can_follow(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    ppg.new_pipegraph(quiet=True)
    chain("b")
    capsys.readouterr()
    ppg.run(dry_run=True)
    assert capsys.readouterr().out.splitlines() == [
        "FileGeneratingJob('a') would run: it has never been done",
        "FileGeneratingJob('d') would run: it has never been done",
        "FileGeneratingJob('b') is left out, because it was pruned",
        "FileGeneratingJob('c') is left out, because FileGeneratingJob('b') was pruned",
    ]
    jobs()["b"].unprune()
    jobs()["c"].prune()
    ppg.run()
    assert sorted(path for path in "abcd" if os.path.exists(path)) == ["a", "b", "d"]


def test_not_before_or_after_a_run(project: Project) -> None:
    outcome = project.run(chain)
    for change in (outcome.job("a").prune, outcome.job("a").unprune):
        with pytest.raises(ppg.JobContractError, match="runs once"):
            change()


# ------------------------------------------------------------------------------------------------------ generating jobs


def generated(*pruned: str, inside: Callable[[], None] = lambda: None) -> None:
    """older -> generator makes new (on older) -> newer, aside, and an invariant on a missing file for `newer` alone."""

    def generate() -> None:
        new = ppg.FileGeneratingJob("new", write()).depends_on(jobs()["older"])
        ppg.FileGeneratingJob("newer", write()).depends_on(new, ppg.FileChecksumInvariant("given"))
        ppg.FileGeneratingJob("aside", write())
        inside()

    Path("given").touch()
    ppg.FileGeneratingJob("older", write())
    ppg.JobGeneratingJob("generator", generate).ignore_code_changes()
    for job_id in pruned:
        jobs()[job_id].prune()


def test_generated_jobs_downstream_of_a_pruned_one_are_left_out(project: Project) -> None:
    outcome = project.run(lambda: generated("older"))
    assert outcome.error is None
    assert outcome.ran == ["aside", "generator"]
    assert not_run(outcome) == {
        "FileGeneratingJob('older')": "it was pruned",
        "FileGeneratingJob('new')": "FileGeneratingJob('older') was pruned",
        "FileGeneratingJob('newer')": "FileGeneratingJob('older') was pruned",
    }
    assert project.ran(generated) == ["generator", "new", "newer", "older"]
    before = rows("new", "newer", "older")
    outcome = project.run(lambda: generated("older"))
    assert outcome.ran == ["generator"]
    assert outcome.warnings() == [], "their files are no orphans"
    assert rows("new", "newer", "older") == before
    outcome = project.run(generated)
    assert outcome.ran == ["generator"]
    assert outcome.warnings() == []


def test_a_callback_may_prune_what_it_makes(project: Project) -> None:
    outcome = project.run(lambda: generated(inside=lambda: jobs()["new"].prune() and None))
    assert outcome.ran == ["aside", "generator", "older"]
    assert not_run(outcome) == {
        "FileGeneratingJob('new')": "it was pruned",
        "FileGeneratingJob('newer')": "FileGeneratingJob('new') was pruned",
    }


def test_a_missing_input_of_generated_jobs_that_are_left_out_fails_nothing(project: Project) -> None:
    outcome = project.run(lambda: generated("older", inside=lambda: os.unlink("given")))
    assert outcome.error is None
    assert outcome.ran == ["aside", "generator"]


def test_a_callback_can_not_prune_older_jobs(project: Project) -> None:
    outcome = project.run(lambda: generated(inside=lambda: jobs()["older"].prune() and None))
    assert outcome.failed == ["generator"]
    assert "it is older than this callback" in str(outcome.exception("generator"))


def test_a_pruned_generator_generates_nothing_and_its_files_are_no_orphans(project: Project) -> None:
    project.run(generated)
    outcome = project.run(lambda: generated("generator"))
    assert (outcome.ran, outcome.warnings()) == ([], [])
    assert project.run(generated).warnings() == []


def test_a_second_generator_builds_on_what_was_left_out(project: Project) -> None:
    """Also on an invariant that had been left out with all of its dependants: that takes part now."""

    def build() -> None:
        Path("given").write_text("1")

        def first() -> None:
            ppg.FileGeneratingJob("one", write()).depends_on(jobs()["older"])

        def second() -> None:
            ppg.FileGeneratingJob("two", write()).depends_on(jobs()["one"])
            ppg.FileGeneratingJob("three", write()).depends_on(jobs()["given"])
            ppg.FinalJob("final two", lambda: tell("final-two")).depends_on(jobs()["two"])
            ppg.FinalJob("final three", lambda: tell("final-three")).depends_on(jobs()["three"])

        ppg.FileGeneratingJob("older", write()).depends_on(ppg.FileChecksumInvariant("given")).prune()
        generator = ppg.JobGeneratingJob("first", first)
        ppg.JobGeneratingJob("second", second).depends_on(generator)

    outcome = project.run(build)
    assert outcome.error is None
    assert outcome.ran == ["final three", "first", "second", "three"]
    assert project.calls() == ["final-three"]
    assert set(not_run(outcome)) == {f"FileGeneratingJob({name!r})" for name in ("older", "one", "two")} | {
        "FinalJob('final two')"
    }
    assert project.ran(build) == ["final three", "first", "second"]


def injected(prune: str = "", how: str = "returned") -> None:
    """`waiting` gets p and q as prerequisites when it is about to run; `after` and a final job depend on it."""

    def inject() -> Any:
        tell("injecting")
        made = ppg.FileGeneratingJob("q", write())
        if prune == "q":
            made.prune()
        if how == "returned":
            return [jobs()["p"], made]
        jobs()["waiting"].depends_on(jobs()["p"], made)
        return None

    p = ppg.FileGeneratingJob("p", write())
    injection = ppg.DependencyInjectionJob("injection", inject).ignore_code_changes()
    waiting = ppg.FileGeneratingJob("waiting", write()).depends_on(injection)
    after = ppg.FileGeneratingJob("after", write()).depends_on(waiting)
    ppg.FinalJob("final", lambda: tell("final"))
    ppg.FinalJob("final after", lambda: tell("final-after")).depends_on(after)
    if prune == "p":
        p.prune()
    elif prune == "waiting":
        waiting.prune()


@pytest.mark.parametrize("how", ["returned", "added"])
@pytest.mark.parametrize("prune", ["p", "q"])
def test_a_job_that_gets_a_pruned_prerequisite_is_left_out(project: Project, prune: str, how: str) -> None:
    outcome = project.run(lambda: injected(prune, how))
    assert outcome.error is None
    assert outcome.ran == ["final", "injection", "q" if prune == "p" else "p"]
    assert project.calls() == ["injecting", "final"]
    culprit = f"FileGeneratingJob({prune!r}) was pruned"
    assert not_run(outcome) == {
        f"FileGeneratingJob({prune!r})": "it was pruned",
        "FileGeneratingJob('waiting')": culprit,
        "FileGeneratingJob('after')": culprit,
        "FinalJob('final after')": culprit,
    }
    assert "4 left out" in outcome.log
    assert project.ran(lambda: injected(how=how)) == ["after", "final", "final after", "injection", prune, "waiting"]
    before = rows("waiting", "after", prune)
    assert project.ran(lambda: injected(prune, how)) == ["final", "injection"]
    assert rows("waiting", "after", prune) == before
    assert project.ran(lambda: injected(how=how)) == ["final", "final after", "injection"]


@pytest.mark.parametrize("how", ["returned", "added"])
def test_prerequisites_for_a_job_that_is_left_out_go_nowhere(project: Project, how: str) -> None:
    outcome = project.run(lambda: injected("waiting", how))
    assert outcome.error is None
    assert outcome.ran == ["final", "injection", "p", "q"]


def test_a_temporary_that_waits_for_a_pruned_prerequisite(project: Project) -> None:
    def build(prune: bool) -> None:
        p = ppg.FileGeneratingJob("p", write())
        injection = ppg.DependencyInjectionJob("injection", lambda: [jobs()["p"]]).ignore_code_changes()
        temporary = ppg.TempFileGeneratingJob("t", write()).depends_on(injection)
        ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary)
        if prune:
            p.prune()

    outcome = project.run(lambda: build(True))
    assert (outcome.ran, outcome.error) == (["injection"], None)
    assert project.ran(lambda: build(False)) == ["a", "injection", "p", "t"]


def test_contracts_hold_for_pruned_jobs_too(project: Project) -> None:
    def build() -> None:
        older = ppg.FileGeneratingJob("older", write()).prune()
        ppg.JobGeneratingJob("generator", lambda: older.depends_on(ppg.FileGeneratingJob("new", write())) and None)

    outcome = project.run(build)
    assert outcome.failed == ["generator"]
    assert "can't add prerequisites to jobs that exist already" in str(outcome.exception("generator"))
