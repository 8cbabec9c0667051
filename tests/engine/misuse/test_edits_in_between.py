"""A script, or a module of it, that is edited between its import and run(): what really runs is what counts."""

from __future__ import annotations

import pytest

from ..project import Project, version
from ..scripts import Scripts

MODULE = """
from pathlib import Path

def make(path):
    Path(path).write_text("{}")
"""
SCRIPT = """
sys.path.insert(0, ".")
import steps

def mine(path):
    Path(path).write_text("one")

ppg.new_pipegraph(quiet=True)
jobs = [ppg.FileGeneratingJob("a", steps.make), ppg.FileGeneratingJob("b", mine)]
if os.environ.get("EDIT"):
    for name in ("steps.py", "script.py"):
        text = Path(name).read_text()
        Path(name).write_text(text.replace('"one"', '"two"'))
ppg.run()
print(*(job.job_id for job in jobs if job.was_run))
"""


@pytest.fixture
def edited(project: Project, scripts: Scripts) -> Scripts:
    """After a run of a script that edits itself and its module before it calls run()."""
    (project.path / "steps.py").write_text(MODULE.format("one"))
    assert scripts.good(SCRIPT, more_env={"EDIT": "1"}) == "a b\n"
    return scripts


def test_what_was_imported_runs_and_is_recorded(project: Project, edited: Scripts) -> None:
    assert (project.read("a"), project.read("b")) == ("one", "one")
    assert '"two"' in project.read("script.py")
    assert '"two"' in project.read("steps.py")


def test_the_next_run_redoes_what_was_edited(project: Project, edited: Scripts) -> None:
    assert edited.good(SCRIPT.replace('"one")', '"two")')) == "a b\n"
    assert (project.read("a"), project.read("b")) == ("two", "two")


def test_an_edit_that_is_taken_back_redoes_at_most_once(project: Project, edited: Scripts) -> None:
    """What ran had lost its source and is known by its bytecode: not the same, once the source is back."""
    (project.path / "steps.py").write_text(MODULE.format("one"))
    edited.good(SCRIPT)
    made = version("a"), version("b")
    assert (project.read("a"), project.read("b")) == ("one", "one")
    assert edited.good(SCRIPT) == "\n"
    assert (version("a"), version("b")) == made
