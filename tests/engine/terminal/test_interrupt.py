"""Ctrl-C and SIGTERM: "stop, keep what is committed, raise KeyboardInterrupt"."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ..project import Project, version
from ..scripts import PATIENCE_S, Scripts, frames, until

SCRIPT = """
def second(path):
    Path(path).write_text("half")
    if not os.path.exists("go"):
        tell("reached")
        wait_for("go")
    Path(path).write_text("whole")

ppg.new_pipegraph(interactive=False)
first = ppg.FileGeneratingJob("first", write("first"))
second = ppg.FileGeneratingJob("second", second).depends_on(first)
ppg.FileGeneratingJob("third", write("third")).depends_on(second)
for n in range(50):
    ppg.FileGeneratingJob(f"queued{n}", write("x")).depends_on(second)
try:
    ppg.run()
except KeyboardInterrupt:
    print("interrupted")
    raise
"""
PROMPTLY_S = 9.0
"""Below the least patience of the engine with what does not end, 10 s."""


def interrupted(project: Project, scripts: Scripts, number: int, whole_group: bool = False) -> subprocess.Popen[str]:
    """Start the script, signal it while its second job runs, wait for its end."""
    script = scripts.start(SCRIPT)
    until(lambda: project.calls() == ["reached"], "the second job")
    sent = time.monotonic()
    if whole_group:
        os.killpg(script.pid, number)
    else:
        os.kill(script.pid, number)
    script.wait(timeout=PATIENCE_S)
    assert time.monotonic() - sent < PROMPTLY_S
    return script


@pytest.mark.parametrize("whole_group", [False, True], ids=["kill", "terminal"])
def test_ctrl_c_stops_promptly_and_keeps_what_is_done(project: Project, scripts: Scripts, whole_group: bool) -> None:
    script = interrupted(project, scripts, signal.SIGINT, whole_group)
    out, err = script.communicate()
    assert out == "interrupted\n"
    first, _, rest = err.partition("\n")
    assert first.startswith("pypipegraph: stopped after ")
    assert first.endswith(" s, with 1 job done. Start the script again to go on from there.")
    assert rest.endswith("\nKeyboardInterrupt\n")
    assert frames(rest) == ["<module>", "run_pipegraph"], rest
    assert scripts.processes() == []
    assert not Path("second").exists()
    first = version("first")
    Path("go").touch()
    scripts.good(SCRIPT)
    assert version("first") == first
    assert (project.read("second"), project.read("third")) == ("whole", "third")
    log = project.read("logs/ppg_run.txt")
    assert log.count("because it was started before and did not end well") == 1, "what was only queued is as before"


def test_sigterm_ends_the_script_as_asked(project: Project, scripts: Scripts) -> None:
    script = interrupted(project, scripts, signal.SIGTERM)
    assert script.returncode == -signal.SIGTERM
    assert scripts.processes() == []
    first = version("first")
    Path("go").touch()
    scripts.good(SCRIPT)
    assert version("first") == first


def test_after_an_interrupt_the_same_process_can_go_on(project: Project, scripts: Scripts) -> None:
    """As in a notebook or a REPL: interrupt, look, run again."""
    text = SCRIPT.replace("    raise\n", "").replace("try:", "build = None\ntry:")
    again = """
Path("go").touch()
ppg.new_pipegraph(quiet=True)
first = ppg.FileGeneratingJob("first", write("first"))
ppg.FileGeneratingJob("third", write("third")).depends_on(first)
ppg.run()
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    script = scripts.start(text + again)
    until(lambda: project.calls() == ["reached"], "the second job")
    os.kill(script.pid, signal.SIGINT)
    out, err = script.communicate(timeout=PATIENCE_S)
    assert out == "interrupted\nTrue\n", err
    assert project.read("third") == "third"


def test_ctrl_c_while_input_files_are_looked_at(project: Project, scripts: Scripts) -> None:
    """Before anything runs there is nothing to stop: it ends at once."""
    text = """
class Slow(ppg.FunctionInvariant):
    def fingerprint(self, surroundings):
        tell("reached")
        wait_for("never")

ppg.new_pipegraph()
ppg.FileGeneratingJob("a", write()).depends_on(Slow("slow", write))
ppg.run()
"""
    script = scripts.start(text)
    until(lambda: project.calls() == ["reached"], "the invariant")
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PROMPTLY_S)
    assert err.rstrip().endswith("KeyboardInterrupt")


LONG = """
def long():
    tell("reached")
    wait_for("never")

ppg.new_pipegraph(interactive=False)
load = {make}
ppg.FileGeneratingJob("a", write()).depends_on(load)
ppg.run()
"""


@pytest.mark.parametrize("kind", ["DataLoadingJob", "JobGeneratingJob", "DependencyInjectionJob"])
def test_ctrl_c_while_data_is_loaded_or_jobs_are_made(project: Project, scripts: Scripts, kind: str) -> None:
    script = scripts.start(LONG.format(make=f"ppg.{kind}('load', long)"))
    until(lambda: project.calls() == ["reached"], "the load")
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PROMPTLY_S)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert scripts.processes() == []


def test_ctrl_c_twice(project: Project, scripts: Scripts) -> None:
    script = scripts.start(SCRIPT)
    until(lambda: project.calls() == ["reached"], "the second job")
    os.kill(script.pid, signal.SIGINT)
    os.kill(script.pid, signal.SIGINT)
    script.communicate(timeout=PROMPTLY_S)
    until(lambda: not scripts.processes(), "the end of all processes")
    Path("go").touch()
    scripts.good(SCRIPT)
    assert project.read("third") == "third"


SILENT = """
import ppg_mcp.run.execution
import ppg_mcp.run.machine
from ppg_mcp.run.execution import Execution
from ppg_mcp.run.machine import EmbeddedMachine

ppg_mcp.run.execution.RETRACT_PATIENCE_S = ppg_mcp.run.machine.END_PATIENCE_S = {patience_s}
master, poll, stop = os.getpid(), EmbeddedMachine.poll, Execution.stop

def counted(machine, timeout_s):
    tell("polled", "polls")
    return poll(machine, timeout_s)

def stopping(execution):
    tell("interrupted")
    stop(execution)

def interrupting(path):
    supervisor = Path(f"/proc/{{os.getppid()}}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(supervisor), signal.SIGSTOP)
    os.kill(master, signal.SIGINT)
    wait_for("never")

EmbeddedMachine.poll, Execution.stop = counted, stopping
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("first", interrupting)
for n in range(20):
    ppg.FileGeneratingJob(f"queued{{n}}", write("x"))
ppg.run()
"""
"""The supervisor, which is to say what it has started, is stopped, then the run is interrupted."""


def test_after_an_interrupt_it_sleeps_until_there_is_something_to_do(project: Project, scripts: Scripts) -> None:
    script = scripts.run(SILENT.format(patience_s=0.5))
    assert script.stderr.rstrip().endswith("KeyboardInterrupt")
    assert len(project.calls("polls")) < 500
    assert scripts.processes() == []


def test_ctrl_c_again_while_it_waits_for_what_does_not_answer(project: Project, scripts: Scripts) -> None:
    script = scripts.start(SILENT.format(patience_s=600.0))
    until(lambda: project.calls() == ["interrupted"], "the first one")
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PROMPTLY_S)
    assert err.rstrip().endswith("KeyboardInterrupt")
    until(lambda: not scripts.processes(), "the end of all processes")
