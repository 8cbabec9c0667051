"""A chain of 10,000 jobs: planned, adopted and found current. Running it for real is a matter of minutes: opt in."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, fail, write

LENGTH = 10_000
GENEROUS_S = 30.0


def chain(length: int, callback: object) -> None:
    job: ppg.Job | None = None
    for number in range(length):
        job = ppg.FileGeneratingJob(f"f/{number}", callback).depends_on(job)


def run(length: int, callback: object = write(), **options: object) -> tuple[ppg.Pipegraph, float]:
    started = time.monotonic()
    graph = ppg.new_pipegraph(quiet=True, **options)
    chain(length, callback)
    ppg.run()
    return graph, time.monotonic() - started


def ran(graph: ppg.Pipegraph) -> int:
    return sum(job.was_run for job in graph.jobs.values())


def test_a_long_chain_is_adopted_and_then_current(project: Project) -> None:
    Path("f").mkdir()
    for number in range(LENGTH):
        Path(f"f/{number}").write_text("x")
    graph, adoption_s = run(LENGTH, adopt=True)
    assert ran(graph) == 0
    graph, null_s = run(LENGTH)
    assert ran(graph) == 0
    assert max(adoption_s, null_s) < GENEROUS_S
    log = project.read("logs/ppg_run.txt")
    assert f"{LENGTH} of {LENGTH} outputs were current" in log


def test_a_failure_at_its_start_prunes_all_of_it(project: Project) -> None:
    Path("f").mkdir()
    started = time.monotonic()
    graph = ppg.new_pipegraph(quiet=True)
    first = ppg.FileGeneratingJob("bad", fail)
    chain(LENGTH, write())
    graph.jobs["f/0"].depends_on(first)
    with pytest.raises(ppg.RuntimeError) as error:
        ppg.run()
    assert len(error.value.pruned) == LENGTH
    assert len(str(error.value)) < 10_000
    assert time.monotonic() - started < GENEROUS_S


def test_a_chain_of_loads_and_temporaries_is_planned(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ppg.new_pipegraph(quiet=True)
    job: ppg.Job | None = None
    for number in range(LENGTH // 2):
        job = ppg.DataLoadingJob(f"load{number}", write).depends_on(job)
        job = ppg.TempFileGeneratingJob(f"t{number}", write()).depends_on(job)
    ppg.FileGeneratingJob("end", write()).depends_on(job)
    ppg.run(dry_run=True)
    assert len(capsys.readouterr().out.splitlines()) == LENGTH + 1


@pytest.mark.parametrize("length", [100, *([LENGTH] if os.environ.get("PPG_LONG_TESTS") else [])])
def test_a_chain_is_run(project: Project, length: int) -> None:
    Path("f").mkdir()
    graph, _ = run(length)
    assert ran(graph) == length
    graph, _ = run(length)
    assert ran(graph) == 0
