"""The master's own look at what a generator made: clashes that the compute slave, with its older graph, can't see."""

from __future__ import annotations

from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.change import Change
from ppg_mcp.planner import Planner
from ppg_mcp.run.merge import Merge

from ..project import Project, write, write_all


@pytest.fixture
def change(project: Project, monkeypatch: pytest.MonkeyPatch) -> Change:
    """What a generator reported that made one file."""
    seen: list[Change] = []
    check = Merge.check

    def looked_at(merge: Merge) -> None:
        seen.append(merge._change)
        check(merge)

    monkeypatch.setattr(Merge, "check", looked_at)
    made = write()
    project.run(lambda: ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("new", made)))
    (change,) = seen
    return change


def refused(change: Change) -> str:
    """What the master says of this change to the pipegraph that stands, of which nothing is left."""
    graph: Any = ppg.util.global_pipegraph
    generator = ppg.JobGeneratingJob("another", lambda: None)
    jobs, writers = dict(graph.jobs), dict(graph.writers)
    with pytest.raises(ppg.JobContractError) as refusal:
        Merge(graph, Planner(), generator, change).check()
    assert (graph.jobs, graph.writers) == (jobs, writers)
    return str(refusal.value)


def test_an_id_that_exists_meanwhile(change: Change) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("new", write("other"))
    assert "exists already" in refused(change)


def test_a_file_that_another_job_writes_meanwhile(change: Change) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.MultiFileGeneratingJob(["more", "new"], write_all())
    assert "which would write 'new', as MultiFileGeneratingJob('more:new') does already" in refused(change)


def test_an_id_that_comes_twice(change: Change) -> None:
    ppg.new_pipegraph(quiet=True)
    change.jobs += [job for job in change.jobs if job.job_id == "new"]
    assert "exists already" in refused(change)
