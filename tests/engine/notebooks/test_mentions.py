"""Which files a notebook mentions: whole paths in the text of its cells, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write
from .cells import code, markdown, notebook_text

PATHS = ("a.txt", "out/a.txt", "a", "b c/ü.tsv", "out/a.txt.gz")


def mentioned(*cells: Any) -> set[str]:
    """Those of PATHS that a NotebookJob of these cells depends on."""
    Path("report.ipynb").write_text(cells[0] if isinstance(cells[0], bytes | str) else notebook_text(*cells))
    ppg.new_pipegraph(quiet=True)
    job = ppg.NotebookJob("report.ipynb")
    for path in PATHS:
        ppg.FileGeneratingJob(path, write())
    ppg.run(dry_run=True)
    return {p.job_id for p in job.prerequisites} & set(PATHS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("open('a.txt')", {"a.txt"}),
        ('open("out/a.txt")', {"out/a.txt"}),
        ("open('./out/a.txt')", {"out/a.txt"}),
        ("open('HERE/out/a.txt')", {"out/a.txt"}),
        ("open('b c/ü.tsv')", {"b c/ü.tsv"}),
        ("open('out/a.txt.gz')", {"out/a.txt.gz"}),
        ("!wc -l a.txt out/a.txt", {"a.txt", "out/a.txt"}),
        ("# reads a.txt.", {"a.txt"}),
        ("open('other/a.txt'), open('/a.txt'), open('../a.txt')", set()),
        ("open('data.txt'), open('a.txt2'), open('-a.txt'), open('a.txt/b')", set()),
        ("a = 5; print(a)", {"a"}),
        ("alpha.a_b", set()),
    ],
)
def test_whole_paths_count(project: Project, source: str, expected: set[str]) -> None:
    assert mentioned(code(source.replace("HERE", str(project.path)))) == expected


def test_text_cells_count_and_outputs_do_not(project: Project) -> None:
    assert mentioned(markdown("![](out/a.txt)")) == {"out/a.txt"}
    cell = {**code("1"), "outputs": [{"output_type": "stream", "name": "stdout", "text": "a.txt"}]}
    assert mentioned(cell) == set()


def test_sources_may_be_lists_of_lines(project: Project) -> None:
    content = json.loads(notebook_text("x"))
    content["cells"][0]["source"] = ["open(\n", "  'out/", "a.txt')\n"]
    assert mentioned(json.dumps(content)) == {"out/a.txt"}


def test_notebooks_of_the_former_format_are_read(project: Project) -> None:
    cells = [{"cell_type": "code", "input": ["open('a.txt')"], "outputs": []}, {"cell_type": "markdown", "source": "a"}]
    assert mentioned(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})) == {"a.txt", "a"}


def test_files_of_all_kinds_of_jobs_count_and_its_own_do_not(project: Project) -> None:
    Path("report.ipynb").write_text(
        notebook_text("'t.txt', 'm1.txt', 'p.png.tsv', 'cache/p.png', 'cache/notebooks/report.html', 'cached'")
    )
    ppg.new_pipegraph(quiet=True)
    job = ppg.NotebookJob("report.ipynb")
    temporary = ppg.TempFileGeneratingJob("t.txt", write())
    several = ppg.MultiFileGeneratingJob(["m1.txt", "m2.txt"], write())
    plot = ppg.PlotJob("p.png", list, repr)
    cached = ppg.CachedDataLoadingJob("cached", list, repr)
    ppg.run(dry_run=True)
    found = {p for p in job.prerequisites if p.kind.name != "INVARIANT"}
    assert found == {temporary, several, plot.cache_job, plot.table_job, cached.lfg}


def test_a_job_that_needs_the_notebook_and_is_mentioned_in_it_closes_a_circle(project: Project) -> None:
    Path("report.ipynb").write_text(notebook_text("open('a.txt')"))
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a.txt", write()).depends_on(ppg.NotebookJob("report.ipynb"))
    with pytest.raises(ppg.CycleError, match=r"a\.txt"):
        ppg.run()
