"""Output generating jobs."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engine.project import Project, copy, fail, write, write_all

import pypipegraph as ppg


def output(text: str = "x", value: int = 1) -> None:
    ppg.FileGeneratingJob("a", write(text)).depends_on_params(value)


def test_file_generating_job(project: Project) -> None:
    """This job creates an output file.

    The jobid doubles up as the output filename.
    """
    outcome = project.run(output)
    assert project.read("a") == "x"
    assert outcome.job("a").job_id == "a"


def test_what_makes_it_run_again(project: Project) -> None:
    """It get's rerun if the output file does not exist, if it is 0 byte in size, or if the job has been invalidated."""
    project.run(output)
    assert project.ran(output) == []
    os.unlink("a")
    assert project.ran(output) == ["a"]
    Path("a").write_text("")
    assert project.ran(output) == ["a"]
    assert project.ran(partial(output, value=2)) == ["a"]


def test_not_creating_the_file_raises(project: Project) -> None:
    """Not creating the output file in its callback raises an exception."""
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", lambda: None))
    assert outcome.failed == ["a"]
    assert isinstance(outcome.exception("a"), ppg.JobContractError)


def test_after_an_exception_the_file_is_removed_or_renamed(project: Project) -> None:
    """If the job raises an exception, the output file created so far will be removed. (optionally, if you pass
    rename_broken = True when creating, the output filename get's renamed into outputfilename + '.broken')
    """

    def build() -> None:
        ppg.FileGeneratingJob("a", fail)
        ppg.FileGeneratingJob("b", fail, rename_broken=True)

    assert project.run(build).failed == ["a", "b"]
    assert sorted(os.listdir()) == [".pypipegraph_status_robust", "b.broken", "logs"]
    assert project.read("b.broken") == "half"


def test_the_implicit_function_invariant(project: Project) -> None:
    """The job receives an implicit FunctionInvariant on its callback. This can be supressed by calling
    myjob.ignore_code_changes()
    """
    project.run(output)
    assert project.ran(partial(output, "y")) == ["a"]

    def ignoring(text: str) -> None:
        ppg.FileGeneratingJob("b", write(text)).ignore_code_changes()

    outcome = project.run(partial(ignoring, "x"))
    assert "b_func" in outcome.graph.jobs
    assert project.ran(partial(ignoring, "y")) == []


def test_multi_file_generating_job(project: Project) -> None:
    """Same as a FileGeneratingJob, just that multiple (defined) files are checked and produced."""

    def build() -> None:
        ppg.MultiFileGeneratingJob(["a", "b"], write_all())

    assert project.ran(build) == ["a:b"]
    assert project.ran(build) == []
    os.unlink("b")
    assert project.ran(build) == ["a:b"]
    missing = project.run(lambda: ppg.MultiFileGeneratingJob(["c", "d"], lambda: write()("c")))
    assert missing.failed == ["c:d"]
    assert not Path("c").exists()


def temporary(callback: Any = None, dependant: Any = None, **options: Any) -> None:
    job = ppg.TempFileGeneratingJob("t", callback or write("temporary"), **options)
    ppg.FileGeneratingJob("a", dependant or copy("t")).depends_on(job)
    ppg.FileGeneratingJob("b", copy("t")).depends_on(job)


def test_temp_file_generating_job(project: Project) -> None:
    """This job creates a file that directly dependand jobs might access. After those are through though, the file get's
    removed.
    """
    assert project.ran(temporary) == ["a", "b", "t"]
    assert project.read("a") == project.read("b") == "temporary"
    assert not Path("t").exists()
    assert project.ran(temporary) == []


def test_a_temporary_stays_if_a_dependant_dies(project: Project) -> None:
    """It does not get removed if any directly dependand job dies (instead of finishing ok), so that it does not need to
    be redone later.
    """
    assert project.run(partial(temporary, dependant=fail)).failed == ["a"]
    assert Path("t").exists()
    assert project.ran(temporary) == ["a"]
    assert not Path("t").exists()


@pytest.mark.parametrize(("options", "left"), [({}, None), ({"rename_broken": True}, "t.broken")])
def test_a_temporary_that_breaks_is_removed(project: Project, options: dict[str, Any], left: str | None) -> None:
    """It does get removed if the TempFileGeneratingJob breaks (except if you pass rename_broken = True when construcing
    it).
    """
    assert project.run(partial(temporary, fail, **options)).failed == ["t"]
    assert not Path("t").exists()
    assert [name for name in os.listdir() if name.startswith("t")] == ([left] if left else [])
