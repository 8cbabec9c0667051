"""Standard streams that are closed, None, full or somebody else's, and a process without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, fail, write
from ..scripts import PATIENCE_S, PRELUDE, Scripts

SCRIPT = """
def chatty(path):
    print("out"); print("err", file=sys.stderr)
    Path(path).write_text("x")

graph = ppg.new_pipegraph()
ppg.FileGeneratingJob("a", chatty)
ppg.DataLoadingJob("load", lambda: print("loading"))
ppg.FileGeneratingJob("b", lambda path: os.system(f"echo from a program; echo x > {path}")).depends_on(
    graph.jobs["load"])
ppg.JobGeneratingJob("make", lambda: (print("making"), ppg.FileGeneratingJob("c", chatty)))
bad = ppg.FileGeneratingJob("bad", lambda: (print("bad"), 1 / 0))
try:
    ppg.run()
except ppg.RuntimeError as failures:
    assert [failure.job_id for failure in failures.failures] == ["bad"]
    assert bad.stdout == "bad\\n"
    assert graph.jobs["a"].stdout == graph.jobs["c"].stdout == "out\\n"
    assert graph.jobs["a"].stderr == "err\\n"
    assert graph.jobs["b"].stdout == "from a program\\n"
    tell("fine")
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_descriptors(project: Project, closed: str) -> None:
    Path("script.py").write_text(PRELUDE + SCRIPT)
    done = subprocess.run(["bash", "-c", f'exec "$0" script.py {closed}', sys.executable], capture_output=True)
    assert done.returncode == 0, done
    assert project.calls() == ["fine"]


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
def test_streams_that_cannot_be_written(project: Project, scripts: Scripts, device: str) -> None:
    with open(device, "w") as stream:
        script = scripts.start(SCRIPT, stdout=stream, stderr=stream)
        script.wait(timeout=PATIENCE_S)
    assert project.calls() == ["fine"]


def test_a_reader_that_goes_away(project: Project) -> None:
    """`python script.py 2>&1 | head -n 1`"""
    Path("script.py").write_text(PRELUDE + SCRIPT)
    subprocess.run(["bash", "-c", '"$0" script.py 2>&1 | true', sys.executable], check=True)
    assert project.calls() == ["fine"]


class Broken:
    """A replacement of a stream that raises at everything."""

    encoding = "utf-8"

    def __getattr__(self, name: str) -> Any:
        raise ValueError("no such thing")


def closed_file() -> Any:
    with open(os.devnull, "w") as file:
        pass
    return file


@pytest.mark.parametrize("make", [lambda: None, closed_file, Broken], ids=["None", "closed", "broken"])
@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_replaced_streams(project: Project, monkeypatch: pytest.MonkeyPatch, name: str, make: Any) -> None:
    graph = ppg.new_pipegraph()
    ppg.FileGeneratingJob("a", write())
    ppg.FileGeneratingJob("bad", fail)
    with monkeypatch.context() as patch:
        patch.setattr(sys, name, make())
        with pytest.raises(ppg.RuntimeError, match="as told"):
            ppg.run()
    assert graph.jobs["a"].was_run


def test_without_a_controlling_terminal(project: Project) -> None:
    """As a daemon, or from cron."""
    Path("script.py").write_text(PRELUDE + SCRIPT)
    subprocess.run(["setsid", "--wait", sys.executable, "script.py"], check=True, stdin=subprocess.DEVNULL)
    assert project.calls() == ["fine"]


def test_with_almost_no_environment(project: Project) -> None:
    """No HOME, no PATH, no TERM, no LANG."""
    Path("script.py").write_text(PRELUDE + SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], env={}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert project.calls() == ["fine"]


def test_in_the_background_of_a_terminal(project: Project, typist: Any) -> None:
    """A background job that reads its terminal is stopped by SIGTTIN; a run does not."""
    Path("script.py").write_text(PRELUDE + SCRIPT)
    shell = typist("bash", "--norc", "--noprofile", "-i", prompt="$ ", PS1="$ ")
    shell.expect("$ ")
    shell.say(f"{sys.executable} script.py > log 2>&1 &")
    assert "status 0" in shell.say("wait $!; echo status $?")
    assert project.calls() == ["fine"]
