"""Progress on terminals of any size, with ids of any kind, and on streams that break."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ppg_mcp.run.progress import Progress

from ..project import Project
from ..scripts import PATIENCE_S, Scripts, until
from .pseudo import Terminal

IDS = """
def held(path):
    tell("reached")
    wait_for("go")
    Path(path).write_text("x")

ppg.new_pipegraph()
for name in {names}:
    ppg.FileGeneratingJob(name, held).cores_needed = 1
{more}
ppg.run()
{after}
"""


def script(names: list[str], more: str = "", after: str = "") -> str:
    return IDS.format(names=ascii(names), more=more, after=after)


@pytest.mark.parametrize("columns", [8, 20, 200])
def test_any_width(project: Project, scripts: Scripts, columns: int) -> None:
    terminal = Terminal(scripts, script(["a name that is too long for a narrow terminal"]), columns, lines=3)
    until(lambda: project.calls() == ["reached"], "the job")
    until(lambda: terminal.read().count("pypip") >= 2, "live progress")
    Path("go").touch()
    assert terminal.end() == 0
    assert "1 job run" in terminal.read().replace("\r\n", "")


def test_ids_of_any_kind(project: Project, scripts: Scripts) -> None:
    names = ["Ä漢字🧬", "two\nlines\x1b[2J", "not utf-8 \udcff", "[bold]markup"]
    terminal = Terminal(scripts, script(names))
    until(lambda: project.calls(), "a job")
    terminal.shows("running")
    Path("go").touch()
    assert terminal.end() == 0
    shown = terminal.read()
    assert "4 jobs run" in shown
    assert "\x1b[2J" not in terminal.seen.decode("utf-8", "replace")


def test_the_streams_of_the_script_stay_its_own(project: Project, scripts: Scripts) -> None:
    """rich would put proxies in place of sys.stdout and sys.stderr."""
    more = "before = (sys.stdout, sys.stderr)\n"
    after = "print('same streams:', before == (sys.stdout, sys.stderr))"
    terminal = Terminal(scripts, script(["a"], more, after))
    terminal.shows("1 running")
    Path("go").touch()
    assert terminal.end() == 0
    assert "same streams: True" in terminal.read()


BREAKS = [
    "sys.stderr.close()",
    "os.close(2)",
    "sys.stderr = None",
    "sys.stdout = sys.stderr = None",
    "sys.stderr = open('/dev/full', 'w')",
    "sys.stderr = object()",
    "sys.stderr = open('ascii', 'w', encoding='ascii')",
]


@pytest.mark.parametrize("breaking", BREAKS)
def test_a_stream_that_breaks_never_breaks_a_run(project: Project, scripts: Scripts, breaking: str) -> None:
    more = f"from ppg_mcp.run import progress; progress.PLAIN_INTERVAL_S = 0.01\n{breaking}\n"
    Path("go").touch()
    done = scripts.run(script(["a ü"], more))
    assert project.read("a ü") == "x", done.stderr
    assert done.stdout == ""


def test_a_terminal_that_goes_away_in_mid_run(project: Project, scripts: Scripts) -> None:
    """As a closed window, with the script under nohup."""
    terminal = Terminal(scripts, script(["a"], "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"))
    terminal.shows("1 running")
    terminal.hang_up()
    Path("go").touch()
    until(lambda: terminal.script.poll() is not None, "the end")
    assert project.read("a") == "x"


def test_time_left_is_told_from_earlier_runtimes(project: Project, scripts: Scripts) -> None:
    more = "from ppg_mcp.run import progress; progress.PLAIN_INTERVAL_S = 0.01\n"
    Path("go").touch()
    scripts.good(script(["a"], more))
    Path("go").unlink()
    Path("a").unlink()
    with open("err", "w") as err:
        again = scripts.start(script(["a"], more), stderr=err)
    until(lambda: "1 running, 0 waiting, about 0s left" in project.read("err"), "the time left")
    Path("go").touch()
    assert again.wait(timeout=PATIENCE_S) == 0


def test_quiet_never_wakes_the_run_loop() -> None:
    progress = Progress(quiet=True, interactive=True, started_s=0.0)
    progress.update(1e9, lambda now: pytest.fail("nobody looks"))
    assert progress.next_s == math.inf
