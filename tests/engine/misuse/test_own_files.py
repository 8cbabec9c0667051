"""Outputs where the engine keeps files of its own: refused when the job is made, under whichever name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write

STORE = ".pypipegraph_status_robust"
STATUS = r"keeps its status.*another invariant_status_filename"
LOGS = r"writes its logs?\. Let it write another file"
OWN = {
    STORE: STATUS,
    f"./{STORE}": STATUS,
    f"{STORE}-wal": STATUS,
    f"{STORE}.holder": STATUS,
    "logs/ppg_run.txt": rf"{LOGS}.*another log_file",
    "logs/../logs/ppg_run.txt": LOGS,
    "logs/ppg_errors.txt": LOGS,
    "logs/ppg_errors.txt.1": LOGS,
    "logs/ppg_graph.txt": LOGS,
}
MAKERS: list[Callable[[Any], ppg.Job]] = [
    lambda path: ppg.FileGeneratingJob(path, write()),
    lambda path: ppg.MultiFileGeneratingJob(["c", path], write()),
    lambda path: ppg.TempFileGeneratingJob(path, write()),
    lambda path: ppg.TempFilePlusGeneratingJob("c", path, write()),
    lambda path: ppg.CachedDataLoadingJob(path, dict, print),
]


def build() -> None:
    """Jobs in the same directories, so that these are known already."""
    a = ppg.FileGeneratingJob("a", write())
    ppg.FileGeneratingJob("logs/of_b.txt", write()).depends_on(a)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("absolute", [False, True])
def test_is_refused_when_the_job_is_made(project: Project, name: str, absolute: bool) -> None:
    assert project.ran(build) == ["a", "logs/of_b.txt"]
    graph = ppg.new_pipegraph(quiet=True)
    build()
    for make in MAKERS:
        with pytest.raises(ppg.JobContractError, match=OWN[name]):
            make(Path(name).absolute() if absolute else name)
    assert sorted(graph.jobs) == ["a", "a_func", "logs/of_b.txt", "logs/of_b.txt_func"]
    assert project.ran(build) == []


@pytest.mark.parametrize("name", OWN)
def test_a_generator_of_such_a_job_is_refused(project: Project, name: str) -> None:
    def generated() -> None:
        build()
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob(name, write()))

    outcome = project.run(generated)
    assert outcome.failed == ["generator"]
    assert "where this pipegraph" in str(outcome.exception("generator"))
    assert project.ran(build) == []


@pytest.mark.parametrize(("link", "name", "words"), [("here", f"here/{STORE}", STATUS), ("l", "l/ppg_run.txt", LOGS)])
def test_is_refused_through_a_link_to_the_directory(project: Project, link: str, name: str, words: str) -> None:
    os.symlink("." if link == "here" else "logs", link)
    ppg.new_pipegraph(quiet=True)
    build()
    with pytest.raises(ppg.JobContractError, match=words):
        ppg.FileGeneratingJob(name, write())


def test_a_link_that_is_made_after_the_job_is_seen_when_the_run_starts(project: Project) -> None:
    def linked() -> None:
        build()
        ppg.FileGeneratingJob(f"here/{STORE}", write())
        os.symlink(".", "here")

    with pytest.raises(ppg.JobContractError, match=STATUS):
        project.run(linked)
    assert not Path(STORE).exists()


def test_other_names_for_store_and_log_are_refused_and_the_usual_ones_are_free(project: Project) -> None:
    options = {"invariant_status_filename": "status", "log_file": "told.txt"}

    def usual() -> None:
        ppg.FileGeneratingJob(STORE, write())
        ppg.FileGeneratingJob("logs/ppg_run.txt", write())
        for name, words in (("status", STATUS), ("status-wal", STATUS), ("told.txt", LOGS)):
            with pytest.raises(ppg.JobContractError, match=words):
                ppg.FileGeneratingJob(name, write())

    assert project.ran(usual, **options) == [STORE, "logs/ppg_run.txt"]
    assert project.ran(usual, **options) == []
