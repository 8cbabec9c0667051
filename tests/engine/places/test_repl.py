"""Typed at a prompt: functions come from no file, and one process sees many pipegraphs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from ..project import Project
from ..scripts import until
from .typist import Typist

TYPED = [
    "graph = ppg.new_pipegraph()",
    "def callback(path):",
    "    with open(path, 'w') as file: file.write({text!r})",
    "",
    "job = ppg.FileGeneratingJob('a', callback)",
    "ppg.run()",
    "print('RUN' if job.was_run else 'CURRENT')",
]


def python(typist: Callable[..., Typist]) -> Typist:
    repl = typist(sys.executable, "-i", "-q", PYTHON_BASIC_REPL="1")
    repl.expect(repl.prompt)
    repl.say("import pypipegraph as ppg")
    return repl


def typed(repl: Typist, text: str, prompt: str = ">>> ", more: str = "... ") -> str:
    """Type a pipeline and run it; what the last line printed."""
    shown = ""
    for line in TYPED:
        repl.prompt = more if line.startswith(("def", " ")) else prompt
        shown = repl.say(line.format(text=text))
    return [line for line in shown.splitlines() if line][-2]


def test_several_runs_of_what_is_typed(project: Project, typist: Callable[..., Typist]) -> None:
    repl = python(typist)
    assert [typed(repl, text) for text in ("x", "x", "y", "x")] == ["RUN", "CURRENT", "RUN", "RUN"]
    repl.type("\x04")
    assert repl.wait() == 0
    again = python(typist)
    assert typed(again, "x") == "CURRENT", "another process, the same code"


def test_after_a_failed_run_the_prompt_is_back(project: Project, typist: Callable[..., Typist]) -> None:
    repl = python(typist)
    repl.say("ppg.new_pipegraph() and None")
    repl.say("ppg.FileGeneratingJob('a', lambda: 1 / 0)")
    assert "ZeroDivisionError" in repl.say("ppg.run()")
    assert typed(repl, "x") == "RUN"


def test_ctrl_c_stops_the_run_and_not_the_prompt(project: Project, typist: Callable[..., Typist]) -> None:
    repl = python(typist)
    repl.say("ppg.new_pipegraph() and None")
    repl.say("import time")
    repl.say("ppg.FileGeneratingJob('slow', lambda: (open('reached', 'w').close(), time.sleep(1000)))")
    repl.type("ppg.run()\n")
    until(lambda: (project.path / "reached").exists(), "the job")
    repl.type("\x03")
    assert "KeyboardInterrupt" in repl.expect(">>> ")
    assert typed(repl, "x") == "RUN"
    assert not (project.path / "slow").exists()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the prompt with colours and editing came with Python 3.13")
def test_the_prompt_of_python_3_13(project: Project, typist: Callable[..., Typist]) -> None:
    """It keeps the source of what is typed, so here comments do not count."""
    repl = typist(sys.executable, "-q", TERM="xterm", PYTHON_HISTORY=str(project.path / "history"))
    repl.expect(">>> ")
    for number, (text, expected) in enumerate([("'x'", "RUN"), ("'x'  # the same", "CURRENT"), ("'y'", "RUN")]):
        pipeline = (
            f"import pypipegraph as ppg; _ = ppg.new_pipegraph(); "
            f"job = ppg.FileGeneratingJob('a', lambda path: open(path, 'w').write({text.partition('#')[0].strip()})); "
            f"ppg.run(); print({number}, 'RUN' if job.was_run else 'CUR' 'RENT')  {text.partition('  ')[2]}"
        )
        repl.type(pipeline + "\r")
        repl.expect(f"\n{number} {expected}")


def test_ipython(project: Project, typist: Callable[..., Typist]) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    repl = typist(
        sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--quick",
        prompt="]: ", IPYTHONDIR=str(project.path / "ipython"),
    )  # fmt: skip
    repl.expect(repl.prompt)
    repl.say("import pypipegraph as ppg")
    assert [typed(repl, text, "]: ", "...: ") for text in ("x", "x", "y")] == ["RUN", "CURRENT", "RUN"]
