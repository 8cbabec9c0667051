""" "Everything downstream is pruned and reported as such, everything else goes on"; the next run resumes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pypipegraph as ppg

from ..project import Project, copy, fail, tell, write


def build(works: bool) -> None:
    """bad and good -> both -> end; good -> side."""
    bad = ppg.FileGeneratingJob("bad", write("now good") if works else fail)
    good = ppg.FileGeneratingJob("good", write("good"))
    both = ppg.FileGeneratingJob("both", copy("bad", "good")).depends_on(bad, good)
    ppg.FileGeneratingJob("end", copy("both")).depends_on(both)
    ppg.FileGeneratingJob("side", copy("good")).depends_on(good)


def test_downstream_is_pruned_and_the_rest_done(project: Project) -> None:
    outcome = project.run(partial(build, False))
    assert outcome.failed == ["bad"]
    assert outcome.pruned == ["both", "end"]
    assert outcome.ran == ["bad", "good", "side"]
    assert "Not run, because they depend on what failed: 'both', 'end'." in str(outcome.error)
    for name in ("both", "end"):
        job = outcome.job(name)
        assert job.failed
        assert not job.was_run
        assert job.exception is None
        assert job.error_reason == "FileGeneratingJob('bad'), on which it depends, failed"
        assert outcome.reason(name) == "FileGeneratingJob('bad'), on which it depends, failed"


def test_the_next_run_redoes_only_what_failed(project: Project) -> None:
    project.run(partial(build, False))
    assert project.run(partial(build, False)).ran == ["bad"]
    assert project.ran(partial(build, True)) == ["bad", "both", "end"]
    assert project.read("end") == "now goodgood"


def test_a_pruned_jobs_old_output_stays(project: Project) -> None:
    project.run(partial(build, True))
    outcome = project.run(partial(build, False))
    assert (outcome.failed, outcome.pruned) == (["bad"], ["both", "end"])
    assert not Path("bad").exists()
    assert project.read("end") == "now goodgood"
    assert project.ran(partial(build, True)) == ["bad", "both", "end"]


def test_failing_and_mending_redoes_dependants_even_if_the_content_is_the_same(project: Project) -> None:
    project.run(partial(build, True))
    project.run(partial(build, False))
    assert project.ran(partial(build, True), early_cutoff=True) == ["bad"]


def test_two_failures_prune_once(project: Project) -> None:
    def build() -> None:
        first, second = ppg.FileGeneratingJob("a", fail), ppg.FileGeneratingJob("b", fail)
        ppg.FileGeneratingJob("z", write()).depends_on(first, second)

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["a", "b"], ["z"])


def test_prerequisites_of_a_pruned_job_are_done_all_the_same(project: Project) -> None:
    def build() -> None:
        temporary = ppg.TempFileGeneratingJob("t", partial(tell, "t"))
        load = ppg.DataLoadingJob("load", partial(tell, "load"))
        other = ppg.FileGeneratingJob("other", write())
        bad = ppg.FileGeneratingJob("bad", fail)
        ppg.FileGeneratingJob("z", write()).depends_on(bad, other, temporary, load)

    outcome = project.run(build)
    assert "other" in outcome.ran
    assert "load" not in outcome.ran, "nobody that can run needs it"


def test_a_failure_in_each_of_many_branches(project: Project) -> None:
    def build() -> None:
        for number in range(20):
            middle = ppg.FileGeneratingJob(f"m{number}", fail if number % 2 else write())
            ppg.FileGeneratingJob(f"z{number}", write()).depends_on(middle)

    outcome = project.run(build)
    assert len(outcome.failed) == len(outcome.pruned) == 10
    assert len(outcome.ran) == 30
