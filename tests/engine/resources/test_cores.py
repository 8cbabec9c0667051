""" "`cores_needed`: a positive int, -1 = all cores of one machine that can be had, -2 = the whole machine, alone.\""""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_cs import machine

from ..project import Project, tell
from ..scripts import until

VARIABLES = ("PPG_CORES", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def system(cores: int) -> dict[str, Any]:
    return {"resource_coordinator": ppg.resource_coordinators.LocalSystem(max_cores_to_use=cores)}


def alone(path: str) -> None:
    """A job that fails if another one of its kind runs at the same time."""
    os.close(os.open("busy", os.O_CREAT | os.O_EXCL))
    os.sched_yield()
    Path(path).write_text("x")
    os.unlink("busy")


def together(count: int) -> Any:
    """A job that ends only when `count` of its kind run at the same time."""

    def callback(path: str) -> None:
        Path(path + ".here").touch()
        until(lambda: len(list(Path().glob("*.here"))) == count, "the others")
        Path(path).write_text("x")

    return callback


def report(path: str) -> None:
    values = " ".join(os.environ[name] for name in VARIABLES)
    Path(path).write_text(f"{ppg.cores()} {values}")


def test_one_core_runs_one_job_at_a_time(project: Project) -> None:
    def build() -> None:
        for number in range(6):
            ppg.FileGeneratingJob(f"job{number}", alone)

    assert len(project.ran(build, **system(1))) == 6


def test_eight_claimed_cores_run_eight_waiting_jobs_at_once(project: Project) -> None:
    def build() -> None:
        for number in range(8):
            ppg.FileGeneratingJob(f"job{number}", together(8))

    assert len(project.ran(build, **system(8))) == 8


def test_by_default_as_many_run_as_the_machine_has_cores(project: Project) -> None:
    count = machine.cores()

    def build() -> None:
        for number in range(count):
            ppg.FileGeneratingJob(f"job{number}", together(count))

    assert len(project.ran(build)) == count


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_job_learns_how_many_it_got(project: Project, count: int) -> None:
    """ "The callback can ask (`pypipegraph.cores()` and PPG_CORES); OMP_NUM_THREADS and its kin are set to it.\""""
    project.ran(lambda: ppg.FileGeneratingJob("a", report).use_cores(count), **system(4))
    assert project.read("a") == " ".join([str(count)] * (1 + len(VARIABLES)))


def test_outside_of_jobs_it_is_the_machines(project: Project) -> None:
    assert ppg.cores() == machine.cores()
    assert "PPG_CORES" not in os.environ


def test_wide_jobs_exclude_each_other(project: Project) -> None:
    def build() -> None:
        for number in range(4):
            ppg.FileGeneratingJob(f"job{number}", alone).cores_needed = 3

    assert len(project.ran(build, **system(4))) == 4


@pytest.mark.parametrize("wide", [-1, -2])
def test_wide_jobs_get_all_of_an_idle_machine(project: Project, wide: int) -> None:
    project.ran(lambda: ppg.FileGeneratingJob("a", report).use_cores(wide), **system(8))
    assert project.read("a").split()[0] == "8"


def narrow(path: str) -> None:
    """Runs until the wide job is through."""
    Path("narrow runs").touch()
    until(Path("wide").exists, "the wide job")
    Path(path).write_text("x")


def gate(path: str) -> None:
    until(Path("narrow runs").exists, "the narrow job")
    Path(path).write_text("x")


def test_minus_one_starts_beside_one_narrow_job_and_gets_the_rest(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("narrow", narrow)
        opened = ppg.FileGeneratingJob("gate", gate)
        ppg.FileGeneratingJob("wide", report).use_cores(-1).depends_on(opened)

    project.ran(build, **system(4))
    assert project.read("wide").split()[0] == "3"


def test_minus_two_waits_for_the_last_one_and_is_alone(project: Project) -> None:
    def small(path: str) -> None:
        assert not Path("whole").exists()
        tell(f"{path}+", "order")
        os.system("sleep 0.02")
        tell(f"{path}-", "order")
        Path(path).write_text("x")

    def whole(path: str) -> None:
        tell("whole+", "order")
        os.system("sleep 0.02")
        tell("whole-", "order")
        Path(path).write_text("x")

    def build() -> None:
        for number in range(8):
            ppg.FileGeneratingJob(f"s{number}", small).ignore_code_changes()
        ppg.FileGeneratingJob("w", whole).use_cores(-2)

    project.ran(build, **system(4))
    order = project.calls("order")
    start = order.index("whole+")
    assert order[start + 1] == "whole-"
    before = order[:start]
    assert sorted(w[:-1] for w in before if w.endswith("+")) == sorted(w[:-1] for w in before if w.endswith("-"))
    assert len(order) == 18


def test_wide_jobs_do_not_starve_narrow_ones_nor_the_other_way_round(project: Project) -> None:
    def build() -> None:
        for number in range(6):
            ppg.FileGeneratingJob(
                f"wide{number}", lambda path: [tell("w"), Path(path).touch()], empty_ok=True
            ).use_cores(-2)
            for k in range(4):
                job = ppg.FileGeneratingJob(f"narrow{number}{k}", lambda p: [tell("n"), Path(p).touch()], empty_ok=True)
                assert job.cores_needed == 1

    assert len(project.ran(build, **system(4))) == 30
    order = "".join(project.calls())
    assert "wwwwww" not in order
    assert order.count("w") == 6
    assert "n" * 24 not in order
