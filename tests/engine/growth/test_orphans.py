"""Semantics §4: "Output files of jobs that are no longer generated are reported as orphans, not removed"."""

from __future__ import annotations

import os
from pathlib import Path

import pypipegraph as ppg

from ..project import Project, write


def build() -> None:
    def generate() -> None:
        for name in Path("wanted").read_text():
            ppg.FileGeneratingJob(name, write(name))

    ppg.JobGeneratingJob("generator", generate)


def test_orphans_are_reported_at_every_run_and_kept(project: Project) -> None:
    Path("wanted").write_text("abc")
    assert project.run(build).warnings() == []
    Path("wanted").write_text("b")
    for _ in range(2):
        (warning,) = project.run(build).warnings()
        assert "no longer makes 2 files that it made before: 'a', 'c'. They are kept" in warning
        assert project.read("a") == "a"
    os.unlink("a")
    Path("wanted").write_text("bc")
    assert project.run(build).warnings() == []


def test_what_another_job_makes_now_is_no_orphan(project: Project) -> None:
    Path("wanted").write_text("a")
    project.run(build)
    Path("wanted").write_text("")

    def declared() -> None:
        build()
        ppg.FileGeneratingJob("a", write("a"))

    assert project.run(declared).warnings() == []
