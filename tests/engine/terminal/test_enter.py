"""Enter lists the running jobs; Ctrl-C, Ctrl-D and the background stay what they are."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from ..project import Project
from ..scripts import PATIENCE_S, Scripts, children, until
from .pseudo import Terminal

HELD = """
def held(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("x")

ppg.new_pipegraph()
first = ppg.FileGeneratingJob("some job", held)
ppg.FileGeneratingJob("another", write()).depends_on(first)
ppg.run()
"""


@pytest.fixture
def terminal(project: Project, scripts: Scripts) -> Terminal:
    """A run on a terminal, whose job waits for the file `go`."""
    started = Terminal(scripts, HELD)
    until(lambda: project.calls() == ["reached"], "the job")
    started.shows("1 running")
    return started


def test_enter_lists_the_running_jobs(terminal: Terminal) -> None:
    terminal.type(b"\n")
    terminal.shows("1 job running, 1 waiting")
    line = r"some job: since \d\d:\d\d:\d\d \(\d+s\), 1 core, [\d.]+ [KMG]iB"
    until(lambda: re.search(line, terminal.read()), "the job's line")
    assert len(re.findall(line, terminal.read())) == 1
    terminal.type(b"whatever\n\n")
    until(lambda: terminal.read().count("1 job running, 1 waiting") >= 2, "the second list")
    Path("go").touch()
    assert terminal.end() == 0
    assert "2 jobs run" in terminal.read()


def test_ctrl_c_still_interrupts(terminal: Terminal, scripts: Scripts) -> None:
    terminal.type(b"\n")
    terminal.shows("1 job running")
    terminal.type(b"\x03")
    assert terminal.end() in (-signal.SIGINT, 1, 130)
    assert "KeyboardInterrupt" in terminal.read()
    assert scripts.processes() == []


def test_ctrl_d_ends_the_listening_and_not_the_run(terminal: Terminal) -> None:
    terminal.type(b"\x04")
    drawn = terminal.read().count("1 running")
    until(lambda: terminal.read().count("1 running") > drawn + 5, "a second of drawing")
    terminal.type(b"\n")
    drawn = terminal.read().count("1 running")
    until(lambda: terminal.read().count("1 running") > drawn + 5, "another second")
    assert "1 job running" not in terminal.read()
    Path("go").touch()
    assert terminal.end() == 0


def test_in_the_background_what_is_typed_is_not_ours(project: Project, scripts: Scripts) -> None:
    """A shell in the foreground of the same terminal reads it; the run is neither stopped nor listed."""
    shell = f"""
import subprocess
run = subprocess.Popen([{sys.executable!r}, "run.py"], process_group=0)
print("for the shell:", input())
wait_for("calls")
print("again:", input())
Path("go").touch()
run.wait()
"""
    scripts.write(HELD, "run.py")
    terminal = Terminal(scripts, shell)
    until(lambda: project.calls() == ["reached"], "the job")
    terminal.type(b"first\n")
    terminal.shows("for the shell: first")
    terminal.type(b"second\n")
    terminal.shows("again: second")
    assert terminal.end() == 0
    assert "1 job running" not in terminal.read()


def test_without_a_terminal_nothing_is_read(project: Project, scripts: Scripts) -> None:
    ours, theirs = os.pipe()
    script = scripts.start(HELD, stdin=ours)
    os.close(ours)
    until(lambda: project.calls() == ["reached"], "the job")
    os.write(theirs, b"\n")
    Path("go").touch()
    _, err = script.communicate(timeout=PATIENCE_S)
    os.close(theirs)
    assert script.returncode == 0
    assert "1 job running" not in err


def test_jobs_have_no_terminal(project: Project, scripts: Scripts) -> None:
    terminal = Terminal(scripts, HELD)
    until(lambda: project.calls() == ["reached"], "the job")
    todo = [terminal.script.pid]
    while todo:
        pid = todo.pop()
        below = children(pid)
        if not below and pid != terminal.script.pid:
            assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
        todo += below
    Path("go").touch()
    assert terminal.end() == 0
