""" "Above one core's share the job counts as max(cores_needed, ceil(memory_needed / share)) cores.\""""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypipegraph as ppg
from ppg_cs import machine

from ..project import Project
from .test_cores import alone, report, system, together

ALL = machine.memory_bytes()


def build(count: int, callback: Any, memory: int) -> None:
    for number in range(count):
        ppg.FileGeneratingJob(f"job{number}", callback).memory_needed = memory


def test_hungry_jobs_exclude_each_other(project: Project) -> None:
    project.ran(lambda: build(4, alone, int(ALL * 0.6)), **system(4))


def test_modest_jobs_run_together(project: Project) -> None:
    project.ran(lambda: build(4, together(4), ALL // 8), **system(4))


def test_a_job_may_have_all_of_it(project: Project) -> None:
    project.ran(lambda: build(2, alone, ALL), **system(2))


def test_hungry_jobs_may_use_the_cores_that_they_count_as(project: Project) -> None:
    project.ran(lambda: build(1, report, int(ALL * 0.6)), **system(4))
    assert project.read("job0").split()[0] == "3"


def test_who_does_not_care_is_limited_by_cores_alone(project: Project) -> None:
    def both() -> None:
        ppg.FileGeneratingJob("hungry", together(2)).memory_needed = int(ALL * 0.9)
        ppg.FileGeneratingJob("careless", together(2)).memory_needed = -1

    assert project.ran(both, **system(16)) == ["careless", "hungry"]
    assert Path("careless").exists()


def test_data_in_the_way_is_given_up_and_loaded_again(project: Project) -> None:
    def load(name: str) -> ppg.DataLoadingJob:
        def append() -> None:
            with open("loads", "a") as loads:
                loads.write(f"{name}\n")

        job = ppg.DataLoadingJob(name, append)
        job.memory_needed = int(ALL * 0.6)
        return job

    def alternating() -> None:
        former, loads = [], [load("first"), load("second")]
        for number in range(4):
            job = ppg.FileGeneratingJob(f"job{number}", report)
            former = [job.depends_on(loads[number % 2], *former)]

    project.ran(alternating, **system(2))
    assert project.read("loads").split() == ["first", "second", "first", "second"]


def test_a_job_that_does_not_fit_with_its_own_data_fails(project: Project) -> None:
    def too_much() -> None:
        load = ppg.DataLoadingJob("load", lambda: Path("loaded").touch())
        load.memory_needed = int(ALL * 0.6)
        job = ppg.FileGeneratingJob("job", report).depends_on(load)
        job.memory_needed = int(ALL * 0.6)

    outcome = project.run(too_much, **system(2))
    assert outcome.failed == ["job"]
    assert f"{int(ALL * 0.6)} of them for the data that it needs" in str(outcome.exception("job"))
    assert not Path("loaded").exists()
