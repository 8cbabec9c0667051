"""`run_pipegraph(dry_run=True)`: prints what would run and why, and changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pypipegraph as ppg

from ..project import Project, copy, fail, version, write


def dry(build: Any, capsys: Any) -> list[str]:
    """Lines that a dry run prints."""
    ppg.new_pipegraph(quiet=True)
    build()
    capsys.readouterr()
    ppg.run(dry_run=True)
    lines: list[str] = capsys.readouterr().out.splitlines()
    return lines


def chain(value: int = 1) -> None:
    a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
    temporary = ppg.TempFileGeneratingJob("t", copy("a")).depends_on(a)
    ppg.FileGeneratingJob("b", copy("t")).depends_on(temporary)


def test_it_prints_what_would_run_and_runs_nothing(project: Project, capsys: Any) -> None:
    lines = dry(chain, capsys)
    assert [line.partition(" would run: ")[::2] for line in lines] == [
        ("FileGeneratingJob('a')", "it has never been done"),
        ("TempFileGeneratingJob('t')", "it has never been done"),
        ("FileGeneratingJob('b')", "it has never been done"),
    ]
    assert not Path("a").exists()
    assert project.ran(chain) == ["a", "b", "t"]


def test_afterwards_it_says_what_changed(project: Project, capsys: Any) -> None:
    project.run(chain)
    assert dry(chain, capsys) == ["Nothing would run."]
    lines = dry(lambda: chain(2), capsys)
    assert lines[0] == "FileGeneratingJob('a') would run: 'PIa' changed (value: 1 -> 2)"
    assert len(lines) == 3


def test_generators_make_the_rest_unknown(project: Project, capsys: Any) -> None:
    lines = dry(lambda: ppg.JobGeneratingJob("generator", lambda: None), capsys)
    assert (
        lines[-1]
        == "JobGeneratingJob('generator') makes or connects further jobs, which can't be known before it runs."
    )


def test_leftover_temporaries_stay(project: Project, capsys: Any) -> None:
    def build(works: bool) -> None:
        temporary = ppg.TempFileGeneratingJob("t", write())
        job = ppg.FileGeneratingJob("a", write() if works else fail)
        if not works:
            job.depends_on(temporary)

    project.run(lambda: build(False))
    project.run(lambda: ppg.FileGeneratingJob("a", write()))
    assert Path("t").exists()
    dry(lambda: build(True), capsys)
    assert Path("t").exists()
    project.run(lambda: build(True))
    assert not Path("t").exists()


def test_nothing_is_adopted(project: Project, capsys: Any) -> None:
    Path("a").write_text("old")
    made = version("a")
    ppg.new_pipegraph(quiet=True, adopt=True)
    ppg.FileGeneratingJob("a", write())
    ppg.run(dry_run=True)
    assert version("a") == made
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]


def test_the_logs_of_the_last_run_stay(project: Project, capsys: Any) -> None:
    project.run(lambda: ppg.FileGeneratingJob("bad", fail))
    errors = version("logs/ppg_errors.txt")
    lines = dry(lambda: ppg.FileGeneratingJob("a", write()).depends_on_file("missing"), capsys)
    assert version("logs/ppg_errors.txt") == errors
    assert "bad" in project.read("logs/ppg_run.txt")
    (line,) = lines
    assert line.startswith("FileChecksumInvariant('missing') would fail, and with it what depends on it: ")


def test_the_same_pipegraph_can_be_run_afterwards(project: Project, capsys: Any) -> None:
    ppg.new_pipegraph(quiet=True)
    chain()
    ppg.run(dry_run=True)
    assert not os.path.exists("a")
    ppg.run()
    assert project.read("b") == "x"
