"""Notes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from engine.project import Project, write

import pypipegraph as ppg
from ppg_cs import machine


def test_a_pipegraph_runs_once(project: Project) -> None:
    """A pipegraph and it's jobs can only be run once (but you can create multiple pipegraphs serially)."""
    for name in "ab":
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob(name, write())
        ppg.run()
        with pytest.raises(ppg.JobContractError, match="runs once"):
            ppg.run()
    assert Path("b").exists()


def test_jobs_need_a_pipegraph(project: Project) -> None:
    """It is an error to create jobs before new_pipegraph() has been called."""
    ppg.destroy_global_pipegraph()
    with pytest.raises(ppg.JobContractError, match="new_pipegraph"):
        ppg.FileGeneratingJob("a", write())


def test_jobs_belong_to_the_current_pipegraph(project: Project) -> None:
    """Jobs magically associated with the currently existing pipegraph."""
    first = ppg.new_pipegraph(quiet=True)
    a = ppg.FileGeneratingJob("a", write())
    second = ppg.new_pipegraph(quiet=True)
    b = ppg.FileGeneratingJob("b", write())
    assert first.jobs["a"] is a
    assert second.jobs["b"] is b
    assert "a" not in second.jobs


def test_jobs_are_singletonized(project: Project) -> None:
    """Jobs are singletonized on their id (within the existance of one pipegraph). Little harm is done in defining a job
    multiple times.
    """
    callback = write()

    def build() -> None:
        once = ppg.FileGeneratingJob("a", callback)
        again = ppg.FileGeneratingJob("a", callback).depends_on_params(1)
        assert again is once
        assert {job.job_id for job in once.prerequisites} == {"a_func", "PIa"}

    assert project.ran(build) == ["a"]
    assert project.ran(build) == []
    first = ppg.new_pipegraph(quiet=True)
    known = ppg.FileGeneratingJob("a", callback)
    ppg.new_pipegraph(quiet=True)
    assert ppg.FileGeneratingJob("a", callback) is not known
    assert first.jobs["a"] is known


def test_adding_jobs(project: Project) -> None:
    """Adding jobs gives you an iterable of jobs (which depends_on also takes). Adding a job and an iterable also gives
    you an iterable. So does adding an iterable and a job or an iterable and an iterable...
    """
    ppg.new_pipegraph(quiet=True)
    a, b, c, d = (ppg.FileGeneratingJob(name, write()) for name in "abcd")
    forms: list[tuple[Any, list[ppg.Job]]] = [
        (a + b, [a, b]),
        (a + [b, c], [a, b, c]),  # noqa: RUF005
        ([a, b] + c, [a, b, c]),  # noqa: RUF005
        ((a + b) + c, [a, b, c]),
        (a + (b + c), [a, b, c]),
        ((a + b) + [c, d], [a, b, c, d]),
        ((a, b) + c + (x for x in [d]), [a, b, c, d]),
        ((a + b) + (c + d), [a, b, c, d]),
    ]
    for number, (added, expected) in enumerate(forms):
        assert list(added) == expected
        job = ppg.FileGeneratingJob(f"below {number}", write()).depends_on(added)
        assert job.prerequisites >= set(expected)


def report(path: str) -> None:
    write(str(ppg.cores()))(path)


def test_cores_needed(project: Project) -> None:
    """Executing jobs (all Output jobs) have resource attributes: cores_needed (default 1, -1 means 'all you can
    get')
    """
    ppg.new_pipegraph(quiet=True, resource_coordinator=ppg.resource_coordinators.LocalSystem(4))
    one, all_of_them = ppg.FileGeneratingJob("one", report), ppg.FileGeneratingJob("all", report)
    assert one.cores_needed == 1
    all_of_them.cores_needed = -1
    all_of_them.depends_on(one)
    ppg.run()
    assert (project.read("one"), project.read("all")) == ("1", "4")


def test_memory_needed(project: Project) -> None:
    """memory_needed (default = -1, means don't worry about it, just start one per core, assume memory / cores. If you
    specify something above memory/core it's treated as if you need (your_memory_specification / (memory/core)) cores).
    memory_needed is in bytes!
    """
    share = machine.memory_bytes() // 4
    ppg.new_pipegraph(quiet=True, resource_coordinator=ppg.resource_coordinators.LocalSystem(4))
    jobs = {}
    for name, memory in {"default": None, "below": share // 2, "above": share * 2 + share // 2}.items():
        job = jobs[name] = ppg.FileGeneratingJob(name, report)
        assert job.memory_needed == -1
        if memory is not None:
            job.memory_needed = memory
    ppg.run()
    assert {name: project.read(name) for name in jobs} == {"default": "1", "below": "1", "above": "3"}


def test_bound_methods(project: Project) -> None:
    """Beware of passing instance functions to FunctionInvariants - if the job creation code is done again for a
    different instance, it will raise an exception, because the bound function from before is not the same function
    you pass in now. Pass in class.function instead of self.function
    """

    class Analysis:
        def __init__(self, number: int) -> None:
            self.number = number

        def function(self) -> int:
            return self.number + 1

        def other(self) -> int:
            return self.number + 2

    def build() -> None:
        invariants = [ppg.FunctionInvariant("function", Analysis(n).function) for n in (1, 2)]
        invariants.append(ppg.FunctionInvariant("function", Analysis.function))
        assert len(set(invariants)) == 1
        ppg.FileGeneratingJob("a", write()).depends_on(invariants)
        with pytest.raises(ppg.JobContractError, match="another definition"):
            ppg.FunctionInvariant("function", Analysis(1).other)

    assert project.ran(build) == ["a"]
    assert project.ran(build) == []


def test_what_it_runs_on() -> None:
    """pypipegraph supports Python 3.

    pypipegraph is developed and tested on Ubuntu. It will not work reasonably on Windows - it's job model makes
    heavy use of fork()

    is an MIT-licensed library
    """
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert "Operating System :: POSIX :: Linux" in project["classifiers"]
    assert project["requires-python"] == ">=3.11"
    assert project["license"] == "MIT"
    assert (root / "LICENSE").read_text().startswith("MIT License")
