"""Progress "on a terminal and plain lines elsewhere, silence with quiet=True"."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.run.progress import Progress
from ppg_mcp.run.situation import Snapshot

from ..project import Project, fail, write
from ..scripts import PATIENCE_S, Scripts, until

SLOW = """
ppg.new_pipegraph()
def slow(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("x")
ppg.FileGeneratingJob("some job", slow)
ppg.FileGeneratingJob("another", write()).depends_on(ppg.util.global_pipegraph.jobs["some job"])
ppg.run()
"""


def build() -> None:
    ppg.FileGeneratingJob("a", write())
    ppg.FileGeneratingJob("bad", fail)


def test_a_summary_is_printed_to_stderr(project: Project, capfd: Any) -> None:
    project.run(build, quiet=False)
    out, err = capfd.readouterr()
    assert out == ""
    assert "pypipegraph: failed: FileGeneratingJob('bad'): ValueError" in err
    assert "1 job run, 0 of 2 outputs were current, 1 failed, 0 not run because of that" in err


def test_a_run_with_nothing_to_do_says_so(project: Project, capfd: Any) -> None:
    project.run(lambda: ppg.FileGeneratingJob("a", write()))
    project.run(lambda: ppg.FileGeneratingJob("a", write()), quiet=False)
    assert "nothing had to be redone, 1 of 1 outputs were current" in capfd.readouterr().err


def test_quiet_prints_nothing_at_all(project: Project, capfd: Any) -> None:
    Path("t").write_text("edited")
    outcome = project.run(build, quiet=True)
    assert outcome.failed == ["bad"]
    Path("a").write_text("by hand")
    project.run(build, quiet=True)
    assert capfd.readouterr() == ("", "")


PLAIN = """
from ppg_mcp.run import progress
progress.PLAIN_INTERVAL_S = 0.05

def held(path):
    wait_for("go")
    Path(path).write_text("x")

ppg.new_pipegraph(resource_coordinator=ppg.resource_coordinators.LocalSystem(2))
for name in ("slow", "as slow"):
    ppg.FileGeneratingJob(name, held)
ppg.run()
"""


def test_plain_lines_now_and_then_elsewhere(project: Project, scripts: Scripts) -> None:
    with open("err", "w") as err:
        script = scripts.start(PLAIN, stderr=err)
    line = r"0/2 done, 2 running, 0 waiting.*\bslow \d+s.*\n"
    until(lambda: len(re.findall(line, project.read("err"))) > 1, "lines about both jobs")
    Path("go").touch()
    assert script.wait(timeout=PATIENCE_S) == 0
    assert "\x1b" not in project.read("err")


def test_a_terminal_shows_live_progress(project: Project, scripts: Scripts) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    environment = {"TERM": "xterm", "COLUMNS": "120"}
    script = scripts.start(SLOW, stdout=theirs, stderr=theirs, more_env=environment)
    os.close(theirs)
    seen = b""
    os.set_blocking(ours, False)

    def read() -> bytes:
        nonlocal seen
        try:
            seen += os.read(ours, 65536)
        except OSError:
            pass
        return seen

    until(lambda: b"0/2 done, 1 running, 1 waiting" in read() and b"some job" in seen, "the live line")
    assert b"\x1b[" in seen, "it is redrawn in place"
    Path("go").touch()
    until(lambda: read() and script.poll() is not None, "the end")
    read()
    os.close(ours)
    assert script.returncode == 0, seen
    assert b"2 jobs run" in seen


class Tee:
    """As notebooks and loggers put in place of a stream: little more than it can write."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None: ...


odd = [None, io.StringIO(), Tee()]


@pytest.mark.parametrize("stream", odd)
def test_odd_replacements_of_stderr_are_no_terminal(
    project: Project, monkeypatch: pytest.MonkeyPatch, stream: Any
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    graph = ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", write())
    ppg.run()
    assert graph.jobs["a"].was_run


def test_the_first_plain_line_comes_sooner_than_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress(quiet=False, interactive=False, started_s=100.0)
    for now in range(100, 231):
        shown.update(float(now), lambda now: Snapshot(now, now - 100.0, 0, 6, 0, [], [], None, "waits for a machine"))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["10s", "1m10s", "2m10s"]
    assert lines[0] == "pypipegraph: 10s: 0/6 done, 0 running, 6 waiting (waits for a machine)"
