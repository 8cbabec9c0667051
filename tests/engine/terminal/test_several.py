"""Several pipegraphs one after another in one process: "you can create multiple pipegraphs serially"."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail, write
from ..scripts import PRELUDE, Scripts


def test_each_sees_what_the_former_did(project: Project) -> None:
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]

    def more() -> None:
        ppg.FileGeneratingJob("b", copy("a")).depends_on(ppg.FileGeneratingJob("a", write()))

    assert project.ran(more) == ["b"]
    assert project.ran(more) == []


def test_nothing_is_left_open(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", write())
        ppg.FileGeneratingJob("bad", fail)

    project.run(build)
    gc.collect()
    before = sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if is_open(fd))
    for _ in range(3):
        project.run(build)
        project.run(lambda: ppg.FileGeneratingJob("a", write()))
    gc.collect()
    after = sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if is_open(fd))
    assert len(after) <= len(before), set(after) - set(before)


def is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def test_two_projects_in_turn(project: Project) -> None:
    for folder in ("one", "two", "one"):
        Path(folder).mkdir(exist_ok=True)
        os.chdir(folder)
        ppg.new_pipegraph(quiet=True)
        job = ppg.FileGeneratingJob("a", write(folder))
        ppg.run()
        assert job.was_run == (os.listdir("..").count("seen") == 0)
        os.chdir(project.path)
        if folder == "two":
            Path("seen").touch()
    assert (project.read("one/a"), project.read("two/a")) == ("one", "two")


def test_results_of_a_finished_pipegraph_stay(project: Project) -> None:
    first = project.run(lambda: ppg.FileGeneratingJob("bad", fail))
    project.run(lambda: ppg.FileGeneratingJob("a", write()))
    assert first.job("bad").failed
    assert "as told" in first.job("bad").error_reason


def test_a_pipegraph_that_is_never_run_does_nothing(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("never", write())
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]
    assert not Path("never").exists()


def test_after_an_error_before_the_run_the_next_one_works(project: Project) -> None:
    ppg.new_pipegraph(quiet=True, invariant_status_filename="no/such/folder/store")
    ppg.FileGeneratingJob("a", write())
    with pytest.raises(ppg.PyPipeGraphError, match="no/such/folder"):
        ppg.run()
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]


def test_from_a_thread(project: Project) -> None:
    """Where Python delivers no signals."""
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(project.ran, lambda: ppg.FileGeneratingJob("a", write())).result() == ["a"]
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == []


def test_a_script_without_a_source_file(project: Project, scripts: Scripts) -> None:
    """As typed into a REPL: what is compared is the code itself."""
    text = (
        PRELUDE
        + """
ppg.new_pipegraph()
def callback(path):
    Path(path).write_text("x")
ppg.FileGeneratingJob("a", callback)
ppg.run()
"""
    )
    for expected, change in (("1 job run", "x"), ("nothing had to be redone", "x"), ("1 job run", "y")):
        command = [sys.executable, "-"]
        done = subprocess.run(command, input=text.replace('"x"', repr(change)), capture_output=True, text=True)
        assert expected in done.stderr
        assert project.read("a") == change
