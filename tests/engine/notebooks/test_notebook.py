"""NotebookJob: a notebook is executed when it, or what it reads, changed."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_cs.session_directory import runtime_root

from ..project import Project, copy, write
from ..scripts import Scripts
from .cells import markdown, notebook_text, outputs, save

JOB = "cache/notebooks/report.html:cache/notebooks/report.ipynb"
IPYNB, HTML = "cache/notebooks/report.ipynb", "cache/notebooks/report.html"


def build(**options: Any) -> ppg.NotebookJob:
    return ppg.NotebookJob("report.ipynb", **options)


def test_it_is_executed_once_and_again_when_its_content_changed(project: Project) -> None:
    save("report.ipynb", markdown("# The report"), "x = 6 * 7", "print('found', x)")
    before = project.read("report.ipynb")
    assert project.ran(build) == [JOB]
    assert outputs(IPYNB) == ["", "found 42\n"]
    assert "The report" in project.read(HTML)
    assert "found 42" in project.read(HTML)
    assert "stale" not in project.read(HTML)
    assert project.read("report.ipynb") == before, "the notebook itself is input"
    assert project.ran(build) == []
    os.utime("report.ipynb", ns=(1, 1))
    assert project.ran(build) == [], "its time does not count"
    save("report.ipynb", "print('found', 43)")
    assert project.ran(build) == [JOB]
    assert outputs(IPYNB) == ["found 43\n"]


def test_the_same_notebook_gives_the_same_bytes(project: Project) -> None:
    """No times, no random ids: else everything that depends on it would differ, too."""
    save("report.ipynb", "print('hello')", "1 + 1")
    project.run(build)
    first = [project.read(IPYNB), project.read(HTML)]
    os.unlink(HTML)
    assert project.ran(build) == [JOB]
    assert [project.read(IPYNB), project.read(HTML)] == first


def test_it_depends_on_jobs_whose_files_it_mentions_wherever_they_are_made(project: Project) -> None:
    def build(text: str) -> None:
        ppg.FileGeneratingJob("early.txt", write(text))
        job = ppg.NotebookJob("report.ipynb")
        ppg.FileGeneratingJob("out/late.txt", write(text))
        ppg.FileGeneratingJob("unrelated.txt", write(text))
        ppg.FileGeneratingJob("after.txt", copy(IPYNB)).depends_on(job)

    Path("out").mkdir()
    save("report.ipynb", "print(open('early.txt').read())", "print(open('out/late.txt').read())")
    assert project.ran(partial(build, "1")) == ["after.txt", JOB, "early.txt", "out/late.txt", "unrelated.txt"]
    assert outputs(IPYNB) == ["1\n", "1\n"]
    assert project.ran(partial(build, "1")) == []
    project.run(partial(build, "2"))
    assert outputs(IPYNB) == ["2\n", "2\n"]
    os.unlink("unrelated.txt")
    assert project.ran(partial(build, "2")) == ["unrelated.txt"]


def test_the_detection_can_be_switched_off(project: Project) -> None:
    def build(value: int) -> None:
        first = ppg.FileGeneratingJob("first.txt", write("1"))
        other = ppg.FileGeneratingJob("other.txt", write(str(value)))
        job = ppg.NotebookJob("report.ipynb", auto_detect_dependencies=False)
        assert job.depends_on(first) is job
        assert other not in job.prerequisites

    save("report.ipynb", "'other.txt'")
    project.run(partial(build, 1))
    assert project.ran(partial(build, 2)) == ["other.txt"]


def test_a_temporary_file_is_there_while_the_notebook_runs(project: Project) -> None:
    def build() -> None:
        ppg.NotebookJob("report.ipynb")
        ppg.TempFileGeneratingJob("t.txt", write("temporary"))

    save("report.ipynb", "print(open('t.txt').read())")
    assert project.ran(build) == [JOB, "t.txt"]
    assert outputs(IPYNB) == ["temporary\n"]
    assert not Path("t.txt").exists()
    assert project.ran(build) == []


def test_it_runs_in_the_directory_of_the_pipegraph_with_the_cores_of_its_job(project: Project) -> None:
    save("deep/report.ipynb", "import os; print(os.getcwd(), os.environ['PPG_CORES'])")
    project.run(lambda: ppg.NotebookJob("deep/report.ipynb"))
    assert outputs("cache/notebooks/deep/report.ipynb") == [f"{project.path} 1\n"]


def test_results_are_named_after_the_notebook(project: Project) -> None:
    ppg.new_pipegraph(quiet=True, cache_folder="kept")
    for given, below in (
        ("report.ipynb", "report"),
        (Path("./a/report.ipynb"), "a/report"),
        ("b c/report.ipynb", "b c/report"),
        ("../report.ipynb", f"{project.path.parent}/report".lstrip("/")),
        ("/elsewhere/report.ipynb", "elsewhere/report"),
        (project.path / "d/report.ipynb", "d/report"),
    ):
        job = ppg.NotebookJob(given)
        assert (job.executed_filename, job.html_filename) == (
            f"kept/notebooks/{below}.ipynb",
            f"kept/notebooks/{below}.html",
        )


def test_the_same_notebook_again_is_the_same_job(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    assert build() is ppg.NotebookJob("./report.ipynb")
    with pytest.raises(ppg.JobContractError, match="auto_detect_dependencies=False"):
        build(auto_detect_dependencies=False)


@pytest.mark.parametrize("first", [True, False])
def test_a_notebook_that_a_job_writes(project: Project, first: bool) -> None:
    """Whichever of the two jobs is made first."""

    def build(text: str) -> None:
        if first:
            ppg.NotebookJob("report.ipynb")
        ppg.FileGeneratingJob("report.ipynb", write(notebook_text(f"print({text!r})")))
        ppg.NotebookJob("report.ipynb")

    assert project.ran(partial(build, "one")) == [JOB, "report.ipynb"]
    assert outputs(IPYNB) == ["one\n"]
    assert project.ran(partial(build, "two")) == [JOB, "report.ipynb"]
    assert outputs(IPYNB) == ["two\n"]


def test_an_image_of_a_job_is_in_the_html(project: Project) -> None:
    def build(text: str) -> None:
        ppg.NotebookJob("report.ipynb")
        ppg.FileGeneratingJob("plot.svg", write(f"<svg>{text}</svg>"))

    save("report.ipynb", markdown("![the plot](plot.svg)"))
    project.run(partial(build, "1"))
    first = project.read(HTML)
    assert "data:image/svg+xml;base64," in first
    assert project.ran(partial(build, "2")) == [JOB, "plot.svg"]
    assert project.read(HTML) != first


def test_a_failing_cell_fails_the_job_and_tells_which(project: Project) -> None:
    def build() -> None:
        job = ppg.NotebookJob("report.ipynb")
        ppg.FileGeneratingJob("after.txt", write()).depends_on(job)
        ppg.FileGeneratingJob("other.txt", write())

    save("report.ipynb", "print('fine')", "total = 0\nprint(1 / total)")
    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == ([JOB], ["after.txt"])
    assert "other.txt" in outcome.ran
    error = outcome.exception(JOB)
    assert (type(error).__name__, error.ename) == ("CellExecutionError", "ZeroDivisionError")
    assert "total = 0\nprint(1 / total)" in str(error)
    assert "ZeroDivisionError: division by zero" in str(error)
    assert "\x1b" not in str(error), "no colours in a log"
    assert not Path(IPYNB).exists()
    save("report.ipynb", "print('fine')")
    assert project.ran(build) == ["after.txt", JOB]


def test_a_kernel_that_dies_fails_the_job_and_tells_where(project: Project) -> None:
    save("report.ipynb", "print('fine')", "import os\nos._exit(3)")
    outcome = project.run(build)
    assert outcome.failed == [JOB]
    assert isinstance(outcome.exception(JOB), ppg.JobDiedException)
    assert "died in the cell\nimport os\nos._exit(3)" in str(outcome.exception(JOB))


@pytest.mark.parametrize(
    "content", ["", "nonsense", "[]", "{}", '{"cells": 5}', '{"cells": [5]}'], ids=lambda content: content or "empty"
)
def test_what_is_no_notebook_fails_its_job_only(project: Project, content: str) -> None:
    def build() -> None:
        ppg.NotebookJob("report.ipynb")
        ppg.FileGeneratingJob("other.txt", write())

    Path("report.ipynb").write_text(content)
    outcome = project.run(build)
    assert outcome.failed == [JOB]
    assert "other.txt" in outcome.ran


def test_a_missing_notebook_fails_like_any_missing_input(project: Project) -> None:
    outcome = project.run(build)
    assert (outcome.failed, outcome.pruned) == (["report.ipynb"], [JOB])


def test_a_kernel_that_is_not_installed_is_named(project: Project) -> None:
    content = json.loads(notebook_text("1"))
    content["metadata"]["kernelspec"]["name"] = "no-such-kernel"
    Path("report.ipynb").write_text(json.dumps(content))
    outcome = project.run(build)
    assert outcome.failed == [JOB]
    assert "no-such-kernel" in str(outcome.exception(JOB))


def test_a_generating_job_may_make_it(project: Project) -> None:
    def grow() -> None:
        ppg.FileGeneratingJob("older.txt", write("older"))
        ppg.JobGeneratingJob("grow", lambda: [build(), build(), ppg.FileGeneratingJob("newer.txt", write("newer"))])

    save("report.ipynb", "print(open('older.txt').read(), open('newer.txt').read())")
    assert project.ran(grow) == [JOB, "grow", "newer.txt", "older.txt"]
    assert outputs(IPYNB) == ["older newer\n"]
    assert project.ran(grow) == ["grow"]


def test_the_kernel_is_spoken_to_without_a_tcp_port(project: Project) -> None:
    save("report.ipynb", "import ipykernel\nprint(ipykernel.get_connection_info())")
    project.run(build)
    connection = json.loads(outputs(IPYNB)[0])
    assert connection["transport"] == "ipc"
    assert runtime_root(str(project.path)) in Path(connection["ip"]).parents
    assert not Path(connection["ip"]).parent.exists(), "nor is a socket left"


def test_misuse_is_refused(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    for nonsense in ("report", "report.py", "report.ipynb.bak"):
        with pytest.raises(ppg.JobContractError, match="takes a notebook"):
            ppg.NotebookJob(nonsense)
    for nonsense in (5, None, b"a.ipynb"):
        with pytest.raises(ppg.JobContractError, match="str or a pathlib"):
            ppg.NotebookJob(nonsense)
    ppg.FileGeneratingJob(HTML, write())
    with pytest.raises(ppg.JobContractError, match="writes already"):
        build()


def test_a_null_run_imports_nothing_of_jupyter(scripts: Scripts) -> None:
    save("report.ipynb", "1")
    script = """
ppg.new_pipegraph(quiet=True)
ppg.NotebookJob("report.ipynb")
ppg.run()
print([name for name in ("nbformat", "nbclient", "nbconvert", "ipykernel") if name in sys.modules])
"""
    assert scripts.good(script) == scripts.good(script) == "[]\n"


def test_where_jupyter_is_missing_the_error_says_what_to_install(scripts: Scripts) -> None:
    out = scripts.good("""
sys.modules["nbclient"] = None  # as if it were not installed
ppg.new_pipegraph(quiet=True)
try:
    ppg.NotebookJob("report.ipynb")
except ppg.JobContractError as error:
    print(error)
""")
    assert "needs nbclient, which" in out
    assert "pip install 'pypipegraph[notebook]'" in out
