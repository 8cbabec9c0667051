"""Generated files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from engine.project import Project, fail, write
from engine.scripts import Scripts, until

import pypipegraph as ppg


def build() -> None:
    a = ppg.FileGeneratingJob("a", write())
    ppg.FileGeneratingJob("b", lambda: [print("said"), os.write(2, b"complained"), fail("b")]).depends_on(a)


def test_the_status_store(project: Project) -> None:
    """./.pypipegraph_status_robust - stores the invariant data of all jobs

    Invariant status is kept in a magic .pypipegraph_status file.
    """
    project.run(build)
    assert Path(".pypipegraph_status_robust").exists()
    os.unlink(".pypipegraph_status_robust")
    assert "a" in project.run(build).ran, "without it nothing is known to be done"


def test_the_run_log(project: Project) -> None:
    """./logs/ppg_run.txt - the chattery debug output of every decision the pipegraph makes (only if logs exists)."""
    project.run(build)
    log = project.read("logs/ppg_run.txt")
    assert "run: FileGeneratingJob('a'), because it has never been done" in log
    shutil.rmtree("logs")
    project.run(build)
    assert not Path("logs").exists()


def test_logging_to_port_5005(project: Project, scripts: Scripts) -> None:
    """All logging is also send to localhost 5005, and you can listen with util/log_listener.py"""
    listener = subprocess.Popen(
        [sys.executable, "-m", "ppg_mcp.util.log_listener"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert listener.stdout is not None
    assert listener.stderr is not None
    heard = ""
    try:
        if "Can't listen" in listener.stderr.readline():
            pytest.skip("somebody else listens")
        os.set_blocking(listener.stdout.fileno(), False)
        name = f"job of {os.getpid()}"

        def hear() -> bool:
            """Others send too, and what does not fit is dropped."""
            nonlocal heard
            Path(name).unlink(missing_ok=True)
            scripts.good(f"ppg.new_pipegraph()\nppg.FileGeneratingJob({name!r}, write())\nppg.run()")
            heard += listener.stdout.read() or ""
            return f"run: FileGeneratingJob({name!r})" in heard

        until(hear, "a record of the run")
    finally:
        listener.kill()
        listener.communicate()


def test_the_error_log(project: Project) -> None:
    """./logs/ppg_errors.txt - a log of all failed jobs and their exception/stdout/stderr (only if logs exists and the
    file is writable)
    """
    project.run(build)
    errors = project.read("logs/ppg_errors.txt")
    for part in ("b: ValueError: ('as told', 7)", "said", "complained"):
        assert part in errors
    os.unlink("logs/ppg_errors.txt")
    Path("logs/ppg_errors.txt/in the way").mkdir(parents=True)
    assert project.run(build).failed == ["b"]


def test_the_graph(project: Project) -> None:
    """./logs/ppg_graph.txt - a dump of the connected graph structure (which job depends on which) (only if logs
    exists)
    """
    project.run(build)
    graph = project.read("logs/ppg_graph.txt")
    assert "FileGeneratingJob('b')\n    depends on FileGeneratingJob('a')\n" in graph
