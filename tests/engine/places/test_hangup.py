"""The terminal goes away: the run goes on to its end. SIGTERM is what stops it, and stops it cleanly."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..project import Project
from ..scripts import PATIENCE_S, PRELUDE, Scripts, until
from .typist import Typist

SCRIPT = """
def second(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("second")

ppg.new_pipegraph()
first = ppg.FileGeneratingJob("first", write("first"))
second = ppg.FileGeneratingJob("second", second).depends_on(first)
ppg.FileGeneratingJob("third", write("third")).depends_on(second)
ppg.run()
tell("over")
"""


def reached(project: Project) -> None:
    until(lambda: "reached" in project.calls(), "the second job")


def test_sighup_does_not_end_a_run(project: Project, scripts: Scripts) -> None:
    script = scripts.start(SCRIPT)
    reached(project)
    os.kill(script.pid, signal.SIGHUP)
    os.killpg(script.pid, signal.SIGHUP)
    Path("go").touch()
    _, err = script.communicate(timeout=PATIENCE_S)
    assert script.returncode == 0, err
    assert project.read("third") == "third"
    assert "SIGHUP" in project.read("logs/ppg_run.txt")


@pytest.mark.parametrize("interactive", [True, False], ids=["live", "plain"])
def test_a_closed_terminal_window_does_not_end_a_run(
    project: Project, typist: Callable[..., Typist], interactive: bool
) -> None:
    text = PRELUDE + SCRIPT.replace("new_pipegraph()", f"new_pipegraph(interactive={interactive})")
    Path("script.py").write_text(text)
    window = typist(sys.executable, "script.py", TERM="xterm")
    reached(project)
    window.hang_up()
    Path("go").touch()
    assert window.wait() == 0
    assert project.calls() == ["reached", "over"]
    assert project.read("third") == "third"


def test_a_failure_after_the_terminal_is_gone_is_in_the_logs(project: Project, typist: Callable[..., Typist]) -> None:
    Path("script.py").write_text(PRELUDE + SCRIPT.replace('Path(path).write_text("second")', "1 / 0"))
    window = typist(sys.executable, "script.py")
    reached(project)
    window.hang_up()
    Path("go").touch()
    assert window.wait() in (1, 120), "120: the interpreter itself could not get rid of the traceback"
    assert "ZeroDivisionError" in project.read("logs/ppg_errors.txt")


def test_programs_that_jobs_start_do_not_ignore_sighup(project: Project, scripts: Scripts) -> None:
    """What the run does for itself is not handed down."""
    scripts.good("""
import subprocess
ppg.new_pipegraph()
ppg.FileGeneratingJob("a", lambda path: Path(path).write_text(open("/proc/self/status").read()))
ppg.FileGeneratingJob("b", lambda path: subprocess.run(f"cat /proc/self/status > {path}", shell=True, check=True))
ppg.run()
""")
    for name in "ab":
        assert not ignores(project.read(name), signal.SIGHUP)


def test_under_nohup_it_stays_ignored(project: Project, scripts: Scripts) -> None:
    scripts.good("""
import subprocess
signal.signal(signal.SIGHUP, signal.SIG_IGN)
ppg.new_pipegraph()
ppg.FileGeneratingJob("a", lambda path: subprocess.run(f"cat /proc/self/status > {path}", shell=True, check=True))
ppg.run()
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
""")
    assert ignores(project.read("a"), signal.SIGHUP)


def ignores(status: str, number: int) -> bool:
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_a_handler_of_the_script_is_the_scripts(project: Project, scripts: Scripts) -> None:
    """Who handles SIGHUP himself knows what he wants."""
    script = scripts.start("signal.signal(signal.SIGHUP, lambda number, frame: tell('mine'))" + SCRIPT)
    reached(project)
    os.kill(script.pid, signal.SIGHUP)
    until(lambda: "mine" in project.calls(), "the script's handler")
    Path("go").touch()
    assert script.wait(timeout=PATIENCE_S) == 0
    assert project.calls() == ["reached", "mine", "over"]


def test_after_the_run_sighup_ends_the_script_as_ever(project: Project, scripts: Scripts) -> None:
    script = scripts.start(SCRIPT + "\nwait_for('never')")
    Path("go").touch()
    until(lambda: "over" in project.calls(), "the end of the run")
    os.kill(script.pid, signal.SIGHUP)
    assert script.wait(timeout=PATIENCE_S) == -signal.SIGHUP


def test_sigterm_after_the_terminal_is_gone(project: Project, typist: Callable[..., Typist], scripts: Scripts) -> None:
    Path("script.py").write_text(PRELUDE + SCRIPT)
    window = typist(sys.executable, "script.py")
    reached(project)
    window.hang_up()
    os.kill(window.pid, signal.SIGTERM)
    assert window.wait() == -signal.SIGTERM
    assert scripts.processes() == []
    assert project.read("first") == "first"
    assert not Path("second").exists()


def test_a_script_may_turn_sigterm_into_an_exception(project: Project, scripts: Scripts) -> None:
    """The run stops cleanly, then the script's own handler is called, as if the signal came after the run."""
    script = scripts.start(
        "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))"
        + SCRIPT.replace("ppg.run()", "try:\n    ppg.run()\nfinally:\n    tell('cleanup')")
    )
    reached(project)
    os.kill(script.pid, signal.SIGTERM)
    assert script.wait(timeout=PATIENCE_S) == 7
    assert project.calls() == ["reached", "cleanup"]
    assert scripts.processes() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_the_script_ignores_stops_nothing(project: Project, scripts: Scripts, number: int) -> None:
    """A shell lets what it starts with `&` ignore SIGINT, so that Ctrl-C reaches the foreground only."""
    script = scripts.start(f"signal.signal({number}, signal.SIG_IGN)" + SCRIPT)
    reached(project)
    os.kill(script.pid, number)
    Path("go").touch()
    assert script.wait(timeout=PATIENCE_S) == 0
    assert project.read("third") == "third"


def test_a_suspended_script_goes_on(project: Project, scripts: Scripts) -> None:
    """Ctrl-Z, and fg later than any process waits for a heartbeat: jobs go on meanwhile, nothing is lost."""
    script = scripts.start(
        """
from ppg_mcp.run import machine
machine.SILENCE_S, machine.HEARTBEAT_S = 2.0, 0.3

def outlast_the_silence(path):
    tell("reached")
    time.sleep(3.0)
    Path(path).write_text("x")

ppg.new_pipegraph()
slow = ppg.FileGeneratingJob("slow", outlast_the_silence)
ppg.FileGeneratingJob("after", write("after")).depends_on(slow)
ppg.run()
"""
    )
    reached(project)
    os.kill(script.pid, signal.SIGSTOP)
    until(lambda: ") T " in Path(f"/proc/{script.pid}/stat").read_text(), "the script to stand still")
    until(lambda: os.path.exists("slow") and os.stat("slow").st_size, "the job that went on")
    os.kill(script.pid, signal.SIGCONT)
    _, err = script.communicate(timeout=PATIENCE_S)
    assert script.returncode == 0, err
    assert project.read("after") == "after"
