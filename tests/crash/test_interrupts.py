"""Ctrl-C and SIGTERM at every stage, the terminal gone, the working directory gone: it ends, and nothing is left.

What an interrupt does while jobs run or load is told in `engine.terminal.test_interrupt`; `points` send signals at any
effect of any process.
"""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engine.project import Project
from engine.scripts import Scripts, until

from ppg_cs.session_directory import runtime_root

STAGES = {
    "survey": "from ppg_mcp.run.survey import Survey as owner; name = '_look'",
    "store": "from ppg_mcp.store import StatusStore as owner; name = 'records'",
    "machine start": "import ppg_mcp.run.machine as owner; name = 'start'",
    "removing temporaries": "import ppg_mcp.run.performing as owner; name = 'remove_files'",
    "commit": "from ppg_mcp.store import StatusStore as owner; name = 'commit'",
    "sync": "from ppg_mcp.run.sync import OutputSync as owner; name = 'finish'",
    "moved inputs": "import ppg_mcp.run.front as owner; name = 'report_moved_inputs'",
    "store close": "from ppg_mcp.store import StatusStore as owner; name = 'close'",
}
SCRIPT = """
{stage}
original = getattr(owner, name)
def signalled(*arguments, **more):
    if os.path.exists("go"):
        return original(*arguments, **more)
    tell("reached")
    for _ in range({times}):
        (os.killpg if {group} else os.kill)(os.getpid(), signal.{signal})
    result = original(*arguments, **more)
    return result

def count(path):
    tell("made", "made")
    Path(path).write_text("x")

ppg.new_pipegraph(quiet=True)
temporary = ppg.TempFileGeneratingJob("temporary", write("t"))
ppg.FileGeneratingJob("first", count).depends_on(temporary)
setattr(owner, name, signalled)
try:
    ppg.run()
finally:
    try:
        os.waitpid(-1, os.WNOHANG)
        tell("a child", "left")
    except ChildProcessError:
        pass
"""


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("way", ["SIGINT", "SIGINT twice", "SIGINT of the terminal", "SIGTERM"])
def test_a_signal_at_this_stage(project: Project, scripts: Scripts, stage: str, way: str) -> None:
    """It ends by the signal; what was made is redone only if its record was not committed; nothing is left."""
    script = SCRIPT.format(
        stage=STAGES[stage],
        times=2 if "twice" in way else 1,
        group="terminal" in way,
        signal=way.split()[0],
    )
    ended = scripts.run(script)
    assert project.calls()[:1] == ["reached"]
    assert project.calls("left") == []
    if way == "SIGTERM":
        assert ended.returncode == -signal.SIGTERM
    else:
        assert "KeyboardInterrupt" in ended.stderr
        assert ended.returncode == -signal.SIGINT
    until(lambda: not scripts.processes(), "the end of all processes")
    Path("go").touch()
    scripts.good(script)
    assert project.read("first") == "x"
    made = len(project.calls("made"))
    assert made <= 2
    scripts.good(script)
    assert len(project.calls("made")) == made, "nothing is redone"
    assert not Path("temporary").exists()
    assert not runtime_root(str(project.path)).exists()


HANGS = """
def hang(path):
    Path(path).write_text("half")
    if not os.path.exists("go"):
        tell("reached")
        wait_for("go")
    Path(path).write_text("whole")

ppg.new_pipegraph()
first = ppg.FileGeneratingJob("first", write("first"))
ppg.FileGeneratingJob("second", hang).depends_on(first)
ppg.run()
"""


def on_a_terminal(scripts: Scripts, prefix: list[str]) -> tuple[subprocess.Popen[str], int]:
    """The script with a terminal of its own, which hangs up when the returned descriptor is closed."""
    path = scripts.write(HANGS)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(path.parent)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [*prefix, sys.executable, str(path)]
        os.execvp(command[0], command)
    return pid, terminal


def test_a_run_that_ignores_the_hangup_goes_on_without_a_terminal(project: Project, scripts: Scripts) -> None:
    """`nohup python script.py`, or one that was disowned: what can't be shown is not worth the run."""
    ignoring = [sys.executable, "-c", "import os, signal, sys; signal.signal(1, signal.SIG_IGN);"]
    ignoring[-1] += "os.execv(sys.argv[1], sys.argv[1:])"
    pid, terminal = on_a_terminal(scripts, ignoring)
    until(lambda: project.calls() == ["reached"], "the second job")
    os.close(terminal)
    Path("go").touch()
    _, status = os.waitpid(pid, 0)
    assert status == 0
    assert project.read("second") == "whole"


def test_a_reader_of_the_output_that_leaves_stops_nothing(project: Project, scripts: Scripts) -> None:
    """`python script.py 2>&1 | head -n 1`."""
    script = scripts.start(HANGS.replace("quiet=True", ""))
    until(lambda: project.calls() == ["reached"], "the second job")
    assert script.stderr is not None
    script.stderr.close()
    Path("go").touch()
    assert script.wait() == 0
    assert project.read("second") == "whole"


def test_the_project_is_renamed_while_it_runs(project: Project, scripts: Scripts, tmp_path_factory: object) -> None:
    """Files go by the name of then: the job fails, the run ends, and under the old name again it resumes."""
    script = scripts.start(HANGS)
    until(lambda: project.calls() == ["reached"], "the second job")
    elsewhere = project.path.with_name(project.path.name + "-renamed")
    os.rename(project.path, elsewhere)
    (elsewhere / "go").touch()
    _, err = script.communicate()
    assert script.returncode == 1
    assert "second" in err
    assert not scripts.processes()
    os.rename(elsewhere, project.path)
    os.chdir(project.path)
    scripts.good(HANGS)
    assert (project.read("first"), project.read("second")) == ("first", "whole")


def test_the_project_is_deleted_while_it_runs(project: Project, scripts: Scripts) -> None:
    """There is nothing to keep; it ends with an error and leaves no process."""
    script = scripts.start(HANGS)
    until(lambda: project.calls() == ["reached"], "the second job")
    pids = scripts.processes()
    shutil.rmtree(project.path)
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate()
    assert script.returncode != 0
    assert err
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the end of all processes")
    assert not runtime_root(str(project.path)).exists()
