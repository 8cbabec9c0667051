"""Early cutoff: off by default, per graph or per job, "so that switching it reruns nothing"."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, write


def build(value: int, text: str = "same", per_job: bool | None = None) -> None:
    a = ppg.FileGeneratingJob("a", write(text)).depends_on_params(value)
    b = ppg.FileGeneratingJob("b", copy("a")).depends_on(a)
    b.early_cutoff = per_job
    ppg.FileGeneratingJob("c", copy("b")).depends_on(b)


def test_without_it_the_same_content_redoes_everything(project: Project) -> None:
    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["a", "b", "c"]


def test_with_it_the_same_content_stops_there(project: Project) -> None:
    project.run(partial(build, 1), early_cutoff=True)
    outcome = project.run(partial(build, 2), early_cutoff=True)
    assert outcome.ran == ["a"]
    assert project.ran(partial(build, 2), early_cutoff=True) == []


def test_other_content_goes_on(project: Project) -> None:
    project.run(partial(build, 1), early_cutoff=True)
    assert project.ran(partial(build, 2, "other"), early_cutoff=True) == ["a", "b", "c"]
    assert project.read("c") == "other"


def test_a_single_job_may_ask_for_it(project: Project) -> None:
    project.run(partial(build, 1, per_job=True))
    assert project.ran(partial(build, 2, per_job=True)) == ["a"]


def test_a_single_job_may_decline_it(project: Project) -> None:
    project.run(partial(build, 1, per_job=False), early_cutoff=True)
    assert project.ran(partial(build, 2, per_job=False), early_cutoff=True) == ["a", "b"]


@pytest.mark.parametrize("first", [False, True])
def test_switching_it_redoes_nothing(project: Project, first: bool) -> None:
    project.run(partial(build, 1), early_cutoff=first)
    for on in (not first, first, not first):
        assert project.ran(partial(build, 1), early_cutoff=on) == []


def test_what_was_spared_is_not_redone_when_it_is_switched_off(project: Project) -> None:
    project.run(partial(build, 1), early_cutoff=True)
    project.run(partial(build, 2), early_cutoff=True)
    assert project.ran(partial(build, 2)) == []
    assert project.ran(partial(build, 3)) == ["a", "b", "c"]


def test_through_temporaries_it_compares_what_they_were_made_of(project: Project) -> None:
    def through(value: int) -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
        temporary = ppg.TempFileGeneratingJob("t", copy("a")).depends_on(a)
        ppg.FileGeneratingJob("b", copy("t")).depends_on(temporary)

    project.run(partial(through, 1), early_cutoff=True)
    assert project.ran(partial(through, 2), early_cutoff=True) == ["a"]
    assert project.ran(partial(through, 3)) == ["a", "b", "t"]
    assert not Path("t").exists()


def test_a_generated_job_may_ask_for_it(project: Project) -> None:
    def generating(value: int) -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)

        def generate() -> None:
            ppg.FileGeneratingJob("b", copy("a")).depends_on(a).early_cutoff = True
            ppg.FileGeneratingJob("c", copy("a")).depends_on(a)

        ppg.JobGeneratingJob("generator", generate).depends_on(a).ignore_code_changes()

    project.run(partial(generating, 1))
    assert project.ran(partial(generating, 2)) == ["a", "c", "generator"]


def test_a_job_of_several_files_stops_it_only_if_all_are_the_same(project: Project) -> None:
    def several(value: int, second: str) -> None:
        def callback() -> None:
            write("first")("a1"), write(second)("a2")

        a = ppg.MultiFileGeneratingJob(["a1", "a2"], callback).depends_on_params(value)
        ppg.FileGeneratingJob("b", copy("a1", "a2")).depends_on(a).early_cutoff = True

    project.run(partial(several, 1, "second"))
    assert project.ran(partial(several, 2, "second")) == ["a1:a2"]
    assert project.ran(partial(several, 3, "other")) == ["a1:a2", "b"]


@pytest.mark.parametrize("whole_graph", [False, True])
def test_a_cached_job_may_ask_for_it(project: Project, whole_graph: bool) -> None:
    """Its calculation is spared; what depends on it is addressed by what the value was calculated from."""

    def through(value: int) -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
        cached = ppg.CachedAttributeLoadingJob("cache", HELD, "value", lambda: Path("a").read_text()).depends_on(a)
        if not whole_graph:
            cached.early_cutoff = True
            assert cached.lfg.early_cutoff
        ppg.FileGeneratingJob("b", lambda path: write(HELD.value)(path)).depends_on(cached)

    project.run(partial(through, 1), early_cutoff=whole_graph)
    expected = ["a"] if whole_graph else ["a", "b", "cache_load"]
    assert project.ran(partial(through, 2), early_cutoff=whole_graph) == expected


class HELD:
    value = ""


@pytest.mark.parametrize("edited", [False, True])
def test_an_edit_by_hand_is_content(project: Project, edited: bool) -> None:
    """Without an edit a is redone with the same content; with one, it is kept as it is and counts as changed."""
    project.run(partial(build, 1), early_cutoff=True)
    if edited:
        Path("a").write_text("edited")
    outcome = project.run(partial(build, 1), early_cutoff=True)
    assert outcome.ran == (["b", "c"] if edited else [])
    assert project.read("c") == ("edited" if edited else "same")
