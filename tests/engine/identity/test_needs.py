"""Resource needs that make no sense: "`cores_needed`: a positive int (default 1), -1, -2"; `memory_needed` in bytes."""

from __future__ import annotations

from typing import Any

import pytest

import pypipegraph as ppg
from ppg_cs import machine

from ..project import Project, write


@pytest.mark.parametrize("nonsense", [0, -3, 1.5, 2.0, True, "2", None])
def test_cores_that_are_none_are_refused(project: Project, nonsense: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write())
    with pytest.raises(ppg.JobContractError, match="cores_needed must be a positive int"):
        job.cores_needed = nonsense
    with pytest.raises(ppg.JobContractError, match="cores_needed must be a positive int"):
        job.use_cores(nonsense)
    assert job.cores_needed == 1


@pytest.mark.parametrize("nonsense", [-2, 1.5, True, "2", None])
def test_memory_that_is_none_is_refused(project: Project, nonsense: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write())
    with pytest.raises(ppg.JobContractError, match="memory_needed must be a number of bytes or -1"):
        job.memory_needed = nonsense
    assert job.memory_needed == -1


def test_more_cores_than_any_machine_has_fail_the_job_alone(project: Project) -> None:
    def build() -> None:
        wide = ppg.FileGeneratingJob("wide", write()).use_cores(10_000)
        ppg.FileGeneratingJob("after", write()).depends_on(wide)
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned, outcome.ran) == (["wide"], ["after"], ["aside"])
    assert isinstance(outcome.exception("wide"), ppg.JobContractError)
    for words in ("10000 cores", f"has {machine.cores()} cores", "Lower cores_needed"):
        assert words in str(outcome.exception("wide"))


def test_more_memory_than_any_machine_has_fails_the_job_alone(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("big", write()).memory_needed = 1 << 60
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.ran) == (["big"], ["aside"])
    assert "memory" in str(outcome.exception("big"))


def test_needs_that_cannot_be_met_are_told_again_in_the_next_run(project: Project) -> None:
    def build(cores: int) -> None:
        ppg.FileGeneratingJob("wide", write()).use_cores(cores)

    assert project.run(lambda: build(10_000)).failed == ["wide"]
    assert project.run(lambda: build(10_000)).failed == ["wide"]
    assert project.ran(lambda: build(1)) == ["wide"]
    assert project.ran(lambda: build(10_000)) == [], "what is done needs nothing"
