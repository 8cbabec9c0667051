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
