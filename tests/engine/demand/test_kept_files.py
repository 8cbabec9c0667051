"""TempFilePlusGeneratingJob: a temporary file and one that stays, "and rerun if the log file is not there"."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail


def write_both(text: str = "temporary"):
    def callback(path: str, log: str) -> None:
        Path(path).write_text(text)
        Path(log).write_text(f"made {text}")

    return callback


def build(value: int = 1, text: str = "temporary") -> None:
    temporary = ppg.TempFilePlusGeneratingJob("t", "t.log", write_both(text))
    ppg.FileGeneratingJob("a", copy("t")).depends_on(temporary).depends_on_params(value)


def alone(text: str = "temporary") -> None:
    ppg.TempFilePlusGeneratingJob("t", "t.log", write_both(text))


def test_the_temporary_goes_and_the_log_stays(project: Project) -> None:
    assert project.ran(build) == ["a", "t"]
    assert project.read("a") == "temporary"
    assert project.read("t.log") == "made temporary"
    assert not Path("t").exists()
    assert project.ran(build) == []


def test_it_runs_though_nobody_needs_it_and_once(project: Project) -> None:
    assert project.ran(alone) == ["t"]
    assert not Path("t").exists()
    assert project.ran(alone) == []
    assert project.ran(partial(alone, "other")) == ["t"]
    assert project.read("t.log") == "made other"


@pytest.mark.parametrize("spoil", [Path.unlink, lambda log: log.write_text("")], ids=["missing", "empty"])
def test_without_its_log_it_runs_again_and_its_dependant_does_not(project: Project, spoil) -> None:
    project.run(build)
    spoil(Path("t.log"))
    outcome = project.run(build)
    assert outcome.ran == ["t"]
    assert "its output is" in outcome.reason("t")
    assert project.read("t.log") == "made temporary"
    assert not Path("t").exists()


def test_an_edited_log_is_nobodys_business(project: Project) -> None:
    project.run(build)
    Path("t.log").write_text("with a note of mine")
    assert project.ran(build) == []
    assert project.read("t.log") == "with a note of mine"


def test_it_is_made_again_when_a_dependant_must_run(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, 2)) == ["a", "t"]
    assert not Path("t").exists()


def test_a_change_redoes_it_and_its_dependant(project: Project) -> None:
    project.run(build)
    assert project.ran(partial(build, text="other")) == ["a", "t"]
    assert project.read("a") == "other"
    assert project.read("t.log") == "made other"


def test_an_existing_log_is_adopted(project: Project) -> None:
    """As after a move from another engine: what made the log need not run again."""
    Path("t.log").write_text("of former times")
    Path("a").write_text("of former times")
    outcome = project.run(build, adopt=True)
    assert outcome.ran == []
    assert project.read("t.log") == "of former times"
    assert project.ran(build) == []
    Path("a").unlink()
    assert project.ran(build) == ["a", "t"]
    assert project.read("t.log") == "made temporary"


def test_one_that_does_not_write_its_log_fails(project: Project) -> None:
    def only_one(path: str) -> None:
        Path(path).write_text("x")

    outcome = project.run(lambda: ppg.TempFilePlusGeneratingJob("t", "t.log", only_one))
    assert outcome.failed == ["t"]
    assert isinstance(outcome.exception("t"), ppg.JobContractError)
    assert "t.log" in str(outcome.exception("t"))
    assert not Path("t").exists()


def test_one_that_nobody_needs_is_pruned_by_what_failed_above(project: Project) -> None:
    def broken() -> None:
        ppg.TempFilePlusGeneratingJob("t", "t.log", write_both()).depends_on(ppg.FileGeneratingJob("in", fail))

    outcome = project.run(broken)
    assert outcome.failed == ["in"]
    assert outcome.pruned == ["t"]


def test_a_temporary_that_it_failed_to_use_stays(project: Project) -> None:
    """It is needed again when the fault is mended."""

    def broken(callback) -> None:
        first = ppg.TempFileGeneratingJob("first", lambda path: Path(path).write_text("x"))
        ppg.TempFilePlusGeneratingJob("t", "t.log", callback).depends_on(first)

    project.run(partial(broken, fail))
    assert Path("first").exists()
    assert project.ran(partial(broken, write_both())) == ["t"]
    assert not Path("first").exists()


def test_a_generated_one(project: Project) -> None:
    def generate() -> None:
        ppg.FileGeneratingJob("b", copy("t")).depends_on(ppg.TempFilePlusGeneratingJob("t", "t.log", write_both()))

    def generating() -> None:
        ppg.JobGeneratingJob("g", generate)

    assert project.ran(generating) == ["b", "g", "t"]
    assert project.read("t.log") == "made temporary"
    assert not Path("t").exists()
    assert project.ran(generating) == ["g"]
    Path("t.log").unlink()
    assert project.ran(generating) == ["g", "t"]


def test_both_names_must_differ(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    with pytest.raises(ppg.JobContractError, match="are the same"):
        ppg.TempFilePlusGeneratingJob("t", "./t", write_both())


def test_nobody_else_may_write_its_log(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    alone()
    with pytest.raises(ppg.JobContractError, match=r"t\.log"):
        ppg.FileGeneratingJob("t.log", lambda path: None)
