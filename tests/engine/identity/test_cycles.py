"""Cycles: "raise CycleError that prints the cycle, job by job"."""

from __future__ import annotations

import pickle
import re

import pytest

import pypipegraph as ppg

from ..project import Project, write


def files(*names: str) -> list[ppg.FileGeneratingJob]:
    callback = write()
    return [ppg.FileGeneratingJob(name, callback) for name in names]


def test_a_job_that_depends_on_itself_is_refused_at_once(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    (a,) = files("a")
    with pytest.raises(ppg.CycleError, match="'a' depends on 'a'"):
        a.depends_on(a)


def test_two_jobs_that_depend_on_each_other_are_refused_at_once(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b = files("a", "b")
    a.depends_on(b)
    with pytest.raises(ppg.CycleError) as error:
        b.depends_on(a)
    assert error.value.cycle == ("b", "a")
    assert b.prerequisites.isdisjoint({a})


def test_a_longer_circle_is_printed_when_it_is_run(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c, d, before, _ = files("a", "b", "c", "d", "before", "aside")
    a.depends_on(b.depends_on(c.depends_on(d.depends_on(a))), before)
    with pytest.raises(ppg.CycleError) as error:
        ppg.run()
    steps = re.findall(r"'(\w)' depends on '(\w)'", str(error.value))
    assert len(steps) == 4
    assert dict(steps) == {"a": "b", "b": "c", "c": "d", "d": "a"}
    assert [end for _, end in steps] == [start for start, _ in steps[1:] + steps[:1]]
    assert "before" not in str(error.value)
    assert not (project.path / "aside").exists(), "nothing was run"


def test_the_circle_can_be_mended_and_the_same_graph_run(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    a, b, c = files("a", "b", "c")
    a.depends_on(b.depends_on(c.depends_on(a)))
    with pytest.raises(ppg.CycleError):
        ppg.run()
    c.prerequisites.discard(a)
    ppg.run()
    assert project.read("a") == "x"


def test_a_circle_of_a_hundred_thousand_is_no_recursion(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    jobs = [ppg.DataLoadingJob(f"{number}", write) for number in range(2_000)]
    for job, other in zip(jobs, jobs[1:] + jobs[:1], strict=True):
        job.depends_on(other)
    with pytest.raises(ppg.CycleError) as error:
        ppg.run()
    assert len(error.value.cycle) == 2_000


def test_the_error_is_a_pypipegrapherror_and_can_be_pickled(project: Project) -> None:
    error = pickle.loads(pickle.dumps(ppg.CycleError(["a", "b"])))
    assert isinstance(error, ppg.PyPipelineGraphError)
    assert error.cycle == ("a", "b")
    assert "'b' depends on 'a'" in str(error)
