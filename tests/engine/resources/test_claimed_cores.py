"""Wide jobs on machines of 1, 2 and 64 claimed cores: how many they get, beside whom, and how they learn of it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_cs.cores import THREAD_VARIABLES

from ..project import Project, write
from ..scripts import until
from .test_cores import alone, report, system

CLAIMED = (1, 2, 64)
HELD: dict[str, str] = {}


def beside(count: int) -> list[ppg.Job]:
    """`count` narrow jobs that run until the file `wide` is there, and one that waits for them to run."""

    def narrow(path: str) -> None:
        Path(path + ".runs").touch()
        until(Path("wide").exists, "the wide job")
        Path(path).write_text("x")

    def gate(path: str) -> None:
        until(lambda: len(list(Path().glob("*.runs"))) == count, "the narrow jobs")
        Path(path).write_text("x")

    for number in range(count):
        ppg.FileGeneratingJob(f"narrow{number}", narrow)
    return [ppg.FileGeneratingJob("gate", gate)]


def recorded_cores(job_id: str) -> int:
    with closing(sqlite3.connect(".pypipegraph_status_robust")) as store:
        (cores,) = store.execute("SELECT cores FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    return int(cores)


@pytest.mark.parametrize("wide", [-1, -2])
@pytest.mark.parametrize("claimed", CLAIMED)
def test_on_an_idle_machine_a_wide_job_gets_all(project: Project, claimed: int, wide: int) -> None:
    project.ran(lambda: ppg.FileGeneratingJob("a", report).use_cores(wide), **system(claimed))
    assert set(project.read("a").split()) == {str(claimed)}
    assert recorded_cores("a") == claimed


@pytest.mark.parametrize("wide", [-1, -2])
def test_on_one_core_wide_and_narrow_ones_take_turns(project: Project, wide: int) -> None:
    def build() -> None:
        for number in range(4):
            ppg.FileGeneratingJob(f"job{number}", alone).use_cores(wide if number % 2 else 1)

    assert len(project.ran(build, **system(1))) == 4


@pytest.mark.parametrize(("claimed", "left"), [(2, "1"), (64, "63")])
def test_beside_one_narrow_job_minus_one_gets_the_rest(project: Project, claimed: int, left: str) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("wide", report).use_cores(-1).depends_on(beside(1))

    project.ran(build, **system(claimed))
    assert set(project.read("wide").split()) == {left}


def test_two_wide_jobs_never_run_at_once(project: Project) -> None:
    def build() -> None:
        for number, wide in enumerate((-1, -2, -1, -2)):
            ppg.FileGeneratingJob(f"job{number}", alone).use_cores(wide)

    for claimed in (2, 64):
        assert len(project.ran(build, **system(claimed))) == 4
        for number in range(4):
            os.unlink(f"job{number}")


@pytest.mark.parametrize(("wide", "most"), [(-1, 1), (-2, 0)])
def test_so_many_narrow_jobs_may_run_beside_a_wide_one(project: Project, wide: int, most: int) -> None:
    def narrow(path: str) -> None:
        Path(path).write_text("x")
        os.sched_yield()
        os.rename(path, path + ".done")
        Path(path).write_text("x")

    def count(path: str) -> None:
        Path("wide runs").touch()
        busy = [name for name in os.listdir() if name.startswith("n") and not name.endswith(".done")]
        running = [name for name in busy if not Path(name + ".done").exists()]
        Path(path).write_text(str(len(running)))

    def build() -> None:
        for number in range(40):
            ppg.FileGeneratingJob(f"n{number}", narrow)
        ppg.FileGeneratingJob("wide", count).use_cores(wide)

    project.ran(build, **system(64))
    assert int(project.read("wide")) <= most


@pytest.mark.parametrize("claimed", CLAIMED)
def test_more_cores_than_claimed_fail_the_job_alone(project: Project, claimed: int) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("fits", report).use_cores(claimed)
        ppg.FileGeneratingJob("too wide", report).use_cores(claimed + 1)

    outcome = project.run(build, **system(claimed))
    assert (outcome.ran, outcome.failed) == (["fits"], ["too wide"])
    assert project.read("fits").split()[0] == str(claimed)
    assert f"needs {claimed + 1} cores" in str(outcome.exception("too wide"))


# ------------------------------------------------------------------------------------------------------- learning of it


def everything() -> str:
    return " ".join([str(ppg.cores()), *(os.environ[name] for name in THREAD_VARIABLES)])


def test_programs_that_a_job_starts_learn_it_too(project: Project) -> None:
    def callback(path: str) -> None:
        command = [sys.executable, "-c", "import os; print(os.environ['PPG_CORES'], os.environ['OMP_NUM_THREADS'])"]
        Path(path).write_text(subprocess.check_output(command, text=True))

    project.ran(lambda: ppg.FileGeneratingJob("a", callback).use_cores(3), **system(4))
    assert project.read("a") == "3 3\n"


def test_a_narrow_job_after_a_wide_one_has_one_again(project: Project) -> None:
    def build() -> None:
        wide = ppg.FileGeneratingJob("wide", report).use_cores(-2)
        ppg.FileGeneratingJob("narrow", report).depends_on(wide)

    project.ran(build, **system(64))
    assert set(project.read("narrow").split()) == {"1"}


def test_the_variables_of_the_script_do_not_count(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    monkeypatch.setenv("PPG_CORES", "3")
    project.ran(lambda: ppg.FileGeneratingJob("a", report).use_cores(3), **system(4))
    project.ran(lambda: ppg.FileGeneratingJob("b", report), **system(4))
    assert set(project.read("a").split()) == {"3"}
    assert set(project.read("b").split()) == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "17"


def test_loading_generating_and_final_jobs_are_narrow(project: Project) -> None:
    def show(path: Any) -> None:
        Path(path).write_text(HELD["load"])

    def build() -> None:
        load = ppg.DataLoadingJob("load", lambda: HELD.update(load=everything()))
        ppg.FileGeneratingJob("a", show).depends_on(load)
        ppg.JobGeneratingJob("generator", lambda: write(everything())("generated"))
        ppg.FinalJob("final", lambda: write(everything())("finally"))

    project.ran(build, **system(64))
    for name in ("a", "generated", "finally"):
        assert set(project.read(name).split()) == {"1"}


def test_cached_temporary_and_generated_jobs_may_be_wide(project: Project) -> None:
    class Target:
        value = ""

    def build() -> None:
        cached = ppg.CachedAttributeLoadingJob("cache", Target, "value", everything).use_cores(-1)
        ppg.FileGeneratingJob("a", lambda path: write(Target.value)(path)).depends_on(cached)
        temporary = ppg.TempFileGeneratingJob("t", lambda path: write(everything())(path)).use_cores(-2)
        ppg.FileGeneratingJob("b", lambda path: os.link("t", path)).depends_on(temporary)
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("c", report).use_cores(-2) and None)

    project.ran(build, **system(64))
    for name in "abc":
        assert set(project.read(name).split()) == {"64"}
