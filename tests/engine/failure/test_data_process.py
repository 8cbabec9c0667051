"""The death of a compute slave's processes: retried, one alone at a time; the culprit is found; nothing is lost."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, tell, version, write
from ..scripts import until

DATA: dict[str, Any] = {}


def kill_data_process() -> None:
    """From a job: its parent."""
    os.kill(os.getppid(), signal.SIGKILL)
    until(lambda: False, "death")


def kill_once(path: str) -> None:
    """A job that takes its data process down the first time."""
    if not Path("killed").exists():
        Path("killed").touch()
        kill_data_process()
    Path(path).write_text("x")


def wait_for_killed(path: str) -> None:
    until(Path("killed").exists)
    tell(path)
    Path(path).write_text("x")


def test_neighbours_of_a_job_that_kills_its_parent_do_not_fail(project: Project) -> None:
    """ "Jobs that ran on a lost machine are retried, one alone on a machine at a time.\""""

    def build() -> None:
        ppg.FileGeneratingJob("killer", kill_once)
        for name in "abcd":
            ppg.FileGeneratingJob(name, wait_for_killed)

    outcome = project.run(build)
    assert outcome.failed == []
    assert outcome.ran == ["a", "b", "c", "d", "killer"]
    assert "went down with its compute slave and is tried again" in " ".join(outcome.warnings())
    assert project.ran(build) == []


def test_a_job_that_was_alone_on_three_lost_machines_is_poison(project: Project) -> None:
    def poison(path: str) -> None:
        tell("poison")
        kill_data_process()

    def build() -> None:
        bad = ppg.FileGeneratingJob("bad", poison)
        ppg.FileGeneratingJob("after", write()).depends_on(bad)
        for name in "abcd":
            ppg.FileGeneratingJob(name, write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["bad"], ["after"])
    assert outcome.ran == ["a", "b", "bad", "c", "d"]
    assert isinstance(outcome.exception("bad"), ppg.JobDiedException)
    assert "3 times while it was alone" in str(outcome.exception("bad"))
    assert project.calls() == ["poison"] * 4, "once in company, three times alone"
    assert project.run(lambda: ppg.FileGeneratingJob("bad", write())).ran == ["bad"]


def test_many_poisonous_jobs_fail_one_by_one(project: Project) -> None:
    def build() -> None:
        for number in range(4):
            ppg.FileGeneratingJob(f"bad{number}", kill_data_process)
            ppg.FileGeneratingJob(f"good{number}", write())

    outcome = project.run(build)
    assert outcome.failed == ["bad0", "bad1", "bad2", "bad3"]
    assert {"good0", "good1", "good2", "good3"} <= set(outcome.ran)


def test_data_that_was_lost_is_loaded_again(project: Project) -> None:
    def load() -> None:
        tell("loaded")
        DATA["x"] = 5

    def build() -> None:
        loading = ppg.DataLoadingJob("load", load)
        ppg.FileGeneratingJob("killer", kill_once).depends_on(loading)
        for name in "ab":
            after = ppg.FileGeneratingJob(name, lambda path: Path(path).write_text(str(DATA["x"])))
            after.depends_on(loading, ppg.util.global_pipegraph.jobs["killer"])

    outcome = project.run(build)
    assert outcome.failed == []
    assert (project.read("a"), project.read("b")) == ("5", "5")
    assert project.calls() == ["loaded", "loaded"]


def test_a_load_that_kills_its_parent_fails_after_three_times(project: Project) -> None:
    def build() -> None:
        loading = ppg.DataLoadingJob("load", kill_data_process)
        ppg.FileGeneratingJob("a", write()).depends_on(loading)
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["load"], ["a"])
    assert "aside" in outcome.ran


@pytest.mark.parametrize("nested", [False, True])
def test_a_generators_tasks_that_were_lost_are_made_again(project: Project, nested: bool) -> None:
    """ "Generated tasks that were lost with it are made again by their generator.\""""

    def build() -> None:
        def generate() -> None:
            tell("generated")
            secret = os.urandom(8)
            killer = ppg.FileGeneratingJob("killer", kill_once)
            for name in "ab":
                job = ppg.FileGeneratingJob(name, lambda path: Path(path).write_text(f"{len(secret)}"))
                job.depends_on(killer).ignore_code_changes()

        if nested:
            ppg.JobGeneratingJob("outer", lambda: ppg.JobGeneratingJob("generator", generate))
        else:
            ppg.JobGeneratingJob("generator", generate)

    outcome = project.run(build)
    assert outcome.failed == []
    assert (project.read("a"), project.read("b")) == ("8", "8")
    assert project.calls() == ["generated", "generated"]
    assert {"a", "b", "killer"} <= set(outcome.ran)


def test_a_generator_that_makes_other_jobs_than_before_is_an_error_that_names_it(project: Project) -> None:
    def build() -> None:
        def generate() -> None:
            tell("generated")
            name = f"job{len(project.calls())}"
            killer = ppg.FileGeneratingJob("killer", kill_once)
            ppg.FileGeneratingJob(name, write()).depends_on(killer)

        ppg.JobGeneratingJob("generator", generate)

    with pytest.raises(ppg.JobContractError, match=r"'generator'.*made other jobs than before.*deterministic"):
        project.run(build)


def test_the_death_of_the_supervisor_is_a_communication_failure_and_the_next_run_resumes(project: Project) -> None:
    """…in local mode; and the next run resumes."""

    def callback(path: str) -> None:
        tell(path)
        if not Path("killed").exists():
            Path("killed").touch()
            status = Path(f"/proc/{os.getppid()}/status").read_text()
            os.kill(int(status.partition("PPid:")[2].split()[0]), signal.SIGKILL)
            until(lambda: False, "death")
        Path(path).write_text("x")

    def build() -> None:
        first = ppg.FileGeneratingJob("first", write())
        second = ppg.FileGeneratingJob("second", callback).depends_on(first)
        ppg.FileGeneratingJob("third", write()).depends_on(second)

    with pytest.raises(ppg.CommunicationFailure, match=r"died.*run again"):
        project.run(build)
    made = version("first")
    outcome = project.run(build)
    assert outcome.ran == ["second", "third"]
    assert version("first") == made
    assert outcome.reason("second") == "it was started before and did not end well"
    assert project.ran(partial(build)) == []
