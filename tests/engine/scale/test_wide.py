"""One node with 100,000 prerequisites, and many dependants of one."""

from __future__ import annotations

import time
from pathlib import Path

import pypipegraph as ppg

from ..project import Project, write

WIDTH = 100_000
GENEROUS_S = 60.0


def parameters() -> ppg.Pipegraph:
    graph = ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write())
    job.depends_on([ppg.ParameterInvariant(f"p{number}", number) for number in range(WIDTH)])
    ppg.run()
    return graph


def test_a_hundred_thousand_invariants_of_one_job(project: Project) -> None:
    started = time.monotonic()
    assert parameters().jobs["a"].was_run
    assert not parameters().jobs["a"].was_run
    assert time.monotonic() - started < GENEROUS_S


def test_ten_thousand_files_of_one_job_are_adopted(project: Project) -> None:
    """As many files as a test may make; the step per prerequisite is the same."""
    count = WIDTH // 10
    Path("f").mkdir()
    for number in range(count):
        Path(f"f/{number}").write_text("x")
    for adopt in (True, False):
        started = time.monotonic()
        graph = ppg.new_pipegraph(quiet=True, adopt=adopt)
        callback = write()
        last = ppg.FileGeneratingJob("last", callback)
        last.depends_on([ppg.FileGeneratingJob(f"f/{number}", callback) for number in range(count)])
        ppg.run()
        assert sum(job.was_run for job in graph.jobs.values()) == adopt, "only the one that was not there"
        assert time.monotonic() - started < GENEROUS_S


def test_a_bipartite_graph_of_ten_thousand_edges_is_planned(project: Project) -> None:
    started = time.monotonic()
    ppg.new_pipegraph(quiet=True)
    callback = write()
    above = [ppg.TempFileGeneratingJob(f"t{number}", callback) for number in range(100)]
    for number in range(100):
        ppg.FileGeneratingJob(f"o{number}", callback).depends_on(above)
    ppg.run(dry_run=True)
    assert time.monotonic() - started < GENEROUS_S
