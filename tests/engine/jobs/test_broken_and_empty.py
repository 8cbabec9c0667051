"""What is kept of a job that broke, `rename_broken`, and which jobs may leave nothing, `empty_ok`, for all kinds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, write

Make = Callable[..., ppg.Job]


def output(callback: Any, **options: Any) -> ppg.Job:
    return ppg.FileGeneratingJob("a", callback, **options)


def several(callback: Any, **options: Any) -> ppg.Job:
    return ppg.MultiFileGeneratingJob(["a"], lambda: callback("a"), **options)


def temporary(callback: Any, **options: Any) -> ppg.Job:
    job = ppg.TempFileGeneratingJob("a", callback, **options)
    ppg.FileGeneratingJob("after", write()).depends_on(job)
    return job


KINDS: dict[str, Make] = {"output": output, "several": several, "temporary": temporary}


def killed(path: Any) -> None:
    Path(path).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def left(path: Any) -> None:
    Path(path).write_text("half")
    os._exit(3)


def emptied(path: Any) -> None:
    Path(path).touch()


@pytest.mark.parametrize("end", [fail, killed, left], ids=["raised", "killed", "left"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rename", [False, True])
def test_what_a_broken_job_wrote_is_removed_or_renamed(project: Project, kind: str, end: Any, rename: bool) -> None:
    outcome = project.run(lambda: KINDS[kind](end, rename_broken=rename))
    assert outcome.failed == ["a"]
    assert not Path("a").exists()
    assert [path.read_text() for path in Path().glob("a.broken")] == (["half"] if rename else [])


def test_a_newer_broken_file_replaces_the_older_and_success_leaves_it(project: Project) -> None:
    def half(text: str) -> Callable[[str], None]:
        def callback(path: str) -> None:
            Path(path).write_text(text)
            raise ValueError

        return callback

    for text in ("first", "second"):
        project.run(lambda text=text: output(half(text), rename_broken=True))
        assert project.read("a.broken") == text
    assert project.ran(lambda: output(write(), rename_broken=True)) == ["a"]
    assert project.read("a.broken") == "second"


def test_an_empty_output_is_broken_too(project: Project) -> None:
    outcome = project.run(lambda: output(emptied, rename_broken=True))
    assert outcome.failed == ["a"]
    assert project.read("a.broken") == ""


def test_a_directory_named_like_the_broken_file_harms_nobody(project: Project) -> None:
    """The job failed for a reason of its own, and that is told; the half-written file is not taken for a result."""
    Path("a.broken").mkdir()
    Path("a.broken/precious").touch()
    outcome = project.run(lambda: output(fail, rename_broken=True))
    assert outcome.failed == ["a"]
    assert isinstance(outcome.exception("a"), ValueError)
    assert Path("a.broken/precious").exists()
    assert project.ran(lambda: output(write(), rename_broken=True)) == ["a"]
    assert project.read("a") == "x"


@pytest.mark.parametrize("name", ["empty_ok", "empty_file_allowed", "empty_files_ok"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_file_is_a_result_under_all_names_of_the_option(project: Project, kind: str, name: str) -> None:
    assert project.run(lambda: KINDS[kind](emptied)).failed == ["a"]
    assert project.run(lambda: KINDS[kind](emptied, **{name: False})).failed == ["a"]

    def build() -> None:
        assert KINDS[kind](emptied, **{name: True}).empty_ok

    assert "a" in project.ran(build)
    assert project.ran(build) == []


def test_emptied_afterwards_is_an_edit_where_empty_is_a_result(project: Project) -> None:
    project.run(lambda: output(write(), empty_ok=True))
    Path("a").write_text("")
    outcome = project.run(lambda: output(write(), empty_ok=True))
    assert outcome.ran == []
    assert any("edited by hand" in text for text in outcome.warnings())
    assert project.ran(lambda: output(write())) == ["a"], "without the option an empty file is none"


def test_taking_the_option_back_redoes_an_empty_file(project: Project) -> None:
    project.run(lambda: output(emptied, empty_ok=True))
    outcome = project.run(lambda: output(emptied))
    assert outcome.reason("a") == "its output is empty"
    assert outcome.failed == ["a"]
