"""One pipegraph at a time on one store: the second one is refused by name, and no death leaves anything to unlock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from engine.project import Project
from engine.scripts import Scripts, children, kill, until

from ppg_cs.session_directory import runtime_root

HOLDS = """
def slow(path):
    Path(path).write_text("half")
    if not os.path.exists("go"):
        tell("reached")
        wait_for("go")
    Path(path).write_text("whole")

ppg.new_pipegraph(quiet=True{options})
first = ppg.FileGeneratingJob("{name}first", write("first"))
ppg.FileGeneratingJob("{name}second", slow).depends_on(first)
ppg.run()
"""


def holds(name: str = "", **options: object) -> str:
    """A script that stays in its second job until there is a file `go`."""
    more = "".join(f", {key}={value!r}" for key, value in options.items())
    return HOLDS.format(name=name, options=more)


def started(project: Project, scripts: Scripts, text: str, name: str = "script.py") -> subprocess.Popen[str]:
    """The script, in its second job."""
    before = len(project.calls())
    script = scripts.start(text, name)
    until(lambda: len(project.calls()) > before, "the second job")
    return script


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_the_second_is_refused_and_told_by_whom(project: Project, scripts: Scripts, state: str) -> None:
    """A stopped one holds it as well: it may go on at any time."""
    first = started(project, scripts, holds())
    if state == "stopped":
        os.kill(first.pid, signal.SIGSTOP)
    second = scripts.run(holds(), "second.py")
    assert second.returncode == 1
    assert f"process {first.pid} on {socket.gethostname()}" in second.stderr
    assert "wait until that one has ended, stop it, or give" in second.stderr
    os.kill(first.pid, signal.SIGCONT)
    Path("go").touch()
    assert first.wait() == 0
    assert (project.read("first"), project.read("second")) == ("first", "whole")
    assert project.calls() == ["reached"], "the second one has run nothing"


@pytest.mark.parametrize("victims", ["the script", "everything", "the script, its supervisor being stopped"])
def test_after_its_death_the_next_one_starts_at_once(project: Project, scripts: Scripts, victims: str) -> None:
    """It is not even waited for: whatever is still dying is dealt with by the next."""
    for _ in range(3):
        script = started(project, scripts, holds())
        (supervisor,) = children(script.pid)
        if victims == "everything":
            kill(scripts.processes())
        elif "stopped" in victims:
            os.kill(supervisor, signal.SIGSTOP)
        script.kill()
    Path("go").touch()
    scripts.good(holds())
    assert project.read("second") == "whole"
    assert project.calls() == ["reached"] * 3
    until(lambda: not scripts.processes(), "the end of all processes")
    assert not runtime_root(str(project.path)).exists()


def test_of_many_that_start_at_once_one_runs(project: Project, scripts: Scripts) -> None:
    many = [scripts.start(holds(), f"script{number}.py") for number in range(4)]
    until(lambda: project.calls(), "one that runs")
    until(lambda: sum(script.poll() is not None for script in many) == 3, "three that are refused")
    (runs,) = [script for script in many if script.poll() is None]
    Path("go").touch()
    assert runs.wait() == 0
    for script in many:
        err = script.communicate()[1]
        assert script is runs or f"process {runs.pid} on" in err
    assert project.calls() == ["reached"]
    assert project.read("second") == "whole"


def test_with_stores_of_their_own_they_share_a_directory(project: Project, scripts: Scripts) -> None:
    """Neither the start nor the death of one disturbs the other."""
    one = started(project, scripts, holds("one."), "one.py")
    other = started(project, scripts, holds("other.", invariant_status_filename=".other"), "other.py")
    one.kill()
    one.wait()
    again = started(project, scripts, holds("one."), "one.py")
    assert other.poll() is None
    assert len(list(runtime_root(str(project.path)).iterdir())) == 2, "of the dead one nothing is left"
    Path("go").touch()
    assert (again.wait(), other.wait()) == (0, 0)
    assert (project.read("one.second"), project.read("other.second")) == ("whole", "whole")
    assert not runtime_root(str(project.path)).exists()


def test_a_store_is_known_by_every_name(project: Project, scripts: Scripts) -> None:
    first = started(project, scripts, holds())
    Path("link").symlink_to(".pypipegraph_status_robust")
    for name in ("link", str(project.path / "." / "link")):
        second = scripts.run(holds(invariant_status_filename=name), "second.py")
        assert f"process {first.pid} on" in second.stderr
    Path("go").touch()
    assert first.wait() == 0
