"""TempFileGeneratingJob: "creates a file that dependants might access; after those are through, it is removed"."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail, write, write_all


def build(value: int = 1, text: str = "temporary") -> None:
    temporary = ppg.TempFileGeneratingJob("t", write(text))
    ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary).depends_on_params(value)


def test_it_is_there_when_needed_and_gone_afterwards(project: Project) -> None:
    assert project.ran(build) == ["a", "t"]
    assert project.read("a") == "temporary"
    assert not Path("t").exists()
    assert project.ran(build) == []
    assert not Path("t").exists()


def test_it_is_made_again_when_a_dependant_must_run(project: Project) -> None:
    project.run(build)
    outcome = project.run(partial(build, 2))
    assert outcome.ran == ["a", "t"]
    assert not Path("t").exists()


def test_a_changed_temporary_redoes_its_dependant(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, text="other")) == ["a", "t"]
    assert project.read("a") == "other"


def test_nobody_needs_it_so_it_does_not_run(project: Project) -> None:
    assert project.ran(lambda: ppg.TempFileGeneratingJob("t", write())) == []
    assert not Path("t").exists()


def test_it_goes_when_its_last_dependant_is_through_and_not_before(project: Project) -> None:
    def look(path: str) -> None:
        Path(path).write_text(f"{Path('t').exists()}")

    def several() -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        users = [ppg.FileGeneratingJob(name, look).depends_on(temporary) for name in "abc"]
        ppg.FileGeneratingJob("z", look).depends_on(users)

    project.ran(several)
    assert [project.read(name) for name in "abcz"] == ["True", "True", "True", "False"]


def test_it_is_kept_when_a_dependant_failed(project: Project) -> None:
    """ "It does not get removed if any directly dependand job dies, so that it does not need to be redone later.\""""

    def build(works: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        ppg.FileGeneratingJob("good", copy("t")).depends_on(temporary)
        ppg.FileGeneratingJob("bad", copy("t") if works else fail).depends_on(temporary)

    outcome = project.run(partial(build, False))
    assert (outcome.ran, outcome.failed) == (["bad", "good", "t"], ["bad"])
    assert project.read("t") == "x"
    outcome = project.run(partial(build, True))
    assert outcome.ran == ["bad"]
    assert outcome.log.count("'t'), because its output is still there and current") == 1
    assert not Path("t").exists()


def test_it_is_kept_when_something_behind_a_failure_may_need_it(project: Project) -> None:
    def build(works: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        first = ppg.FileGeneratingJob("first", write() if works else fail)
        ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary)
        ppg.FileGeneratingJob("b", copy("t", "first")).depends_on(temporary, first)

    outcome = project.run(partial(build, False))
    assert outcome.pruned == ["b"]
    assert Path("t").exists()
    assert project.ran(partial(build, True)) == ["b", "first"]
    assert not Path("t").exists()


def test_it_is_removed_when_it_breaks_itself(project: Project) -> None:
    """ "It does get removed if the TempFileGeneratingJob breaks (except with rename_broken).\""""

    def build(rename: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", fail, rename_broken=rename)
        ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary)

    outcome = project.run(partial(build, False))
    assert (outcome.failed, outcome.pruned) == (["t"], ["a"])
    assert not Path("t").exists()
    project.run(partial(build, True))
    assert project.read("t.broken") == "half"


def test_a_chain_of_temporaries_vanishes_from_front_to_end(project: Project) -> None:
    def look(path: str) -> None:
        present = "".join(name for name in ("t1", "t2", "t3") if Path(name).exists())
        Path(path).write_text(present or "none")

    def chain(value: int = 1) -> None:
        t1 = ppg.TempFileGeneratingJob("t1", look)
        t2 = ppg.TempFileGeneratingJob("t2", look).depends_on(t1)
        t3 = ppg.TempFileGeneratingJob("t3", copy("t2")).depends_on(t2)
        ppg.FileGeneratingJob("a", copy("t3")).depends_on(t3).depends_on_params(value)
        ppg.FileGeneratingJob("z", look).depends_on(ppg.util.global_pipegraph.jobs["a"])

    assert project.ran(chain) == ["a", "t1", "t2", "t3", "z"]
    assert project.read("a") == "t1", "what t2 saw"
    assert project.read("z") == "none"
    assert project.ran(chain) == []
    assert project.ran(partial(chain, 2)) == ["a", "t1", "t2", "t3", "z"]


def test_only_the_missing_end_of_a_chain_is_made_again(project: Project) -> None:
    def chain(works: bool) -> None:
        t1 = ppg.TempFileGeneratingJob("t1", write())
        t2 = ppg.TempFileGeneratingJob("t2", copy("t1")).depends_on(t1)
        ppg.FileGeneratingJob("a", copy("t2") if works else fail).depends_on(t2)

    project.run(partial(chain, False))
    assert (Path("t1").exists(), Path("t2").exists()) == (False, True)
    assert project.ran(partial(chain, True)) == ["a"]
    assert not Path("t2").exists()


def test_leftovers_that_nobody_needs_are_removed_at_the_end(project: Project) -> None:
    def build(works: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        job = ppg.FileGeneratingJob("a", write() if works else fail)
        if not works:
            job.depends_on(temporary)

    project.run(partial(build, False))
    assert Path("t").exists()
    outcome = project.run(partial(build, True))
    assert outcome.ran == ["a"]
    assert not Path("t").exists()
    assert "removing the temporary" in outcome.log


def test_a_file_that_no_run_made_is_never_removed(project: Project) -> None:
    Path("t").write_text("mine")
    assert project.ran(lambda: ppg.TempFileGeneratingJob("t", write())) == []
    assert project.read("t") == "mine"


def test_a_standing_file_that_is_not_as_recorded_is_made_again(project: Project) -> None:
    def build(works: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        ppg.FileGeneratingJob("a", copy("t") if works else fail).depends_on(temporary)

    project.run(partial(build, False))
    Path("t").write_text("tampered with")
    assert project.ran(partial(build, True)) == ["a", "t"]
    assert project.read("a") == "x"


@pytest.mark.parametrize("keep", [1, 2])
def test_it_stays_through_loading_jobs(project: Project, keep: int) -> None:
    """ "…not when something that still has to run, or failed, can need them, through loading jobs too.\""""

    def build(works: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        load: ppg.Job = temporary
        for number in range(keep):
            load = ppg.DataLoadingJob(f"load{number}", lambda: project.read("t")).depends_on(load)
        ppg.FileGeneratingJob("a", write()).depends_on(load)
        ppg.FileGeneratingJob("b", write() if works else fail).depends_on(load)

    loads = [f"load{number}" for number in range(keep)]
    outcome = project.run(partial(build, False))
    assert outcome.ran == ["a", "b", *loads, "t"]
    assert Path("t").exists()
    assert project.ran(partial(build, True)) == ["b", *loads]
    assert not Path("t").exists()


def test_a_temporary_with_changed_inputs_redoes_what_was_made_of_it(project: Project) -> None:
    """Temporaries are "known without running": the change is seen through them."""

    def build(value: int) -> None:
        first = ppg.FileGeneratingJob("first", write()).depends_on_params(value)
        temporary = ppg.TempFileGeneratingJob("t", copy("first")).depends_on(first)
        ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary)

    project.run(partial(build, 1))
    outcome = project.run(partial(build, 2))
    assert outcome.ran == ["a", "first", "t"]
    assert outcome.reason("t") == "'a' needs its data", "its file was removed on purpose"


def test_deleting_the_output_brings_the_temporary_back_for_a_moment(project: Project) -> None:
    project.run(build)
    os.unlink("a")
    assert project.ran(build) == ["a", "t"]
    assert not Path("t").exists()


def test_a_multi_file_job_may_depend_on_it(project: Project) -> None:
    def several() -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        ppg.MultiFileGeneratingJob(["a", "b"], write_all()).depends_on(temporary)

    assert project.ran(several) == ["a:b", "t"]
    assert not Path("t").exists()
