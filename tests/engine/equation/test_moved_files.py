"""RobustFileChecksumInvariant: a file that moved is the same file, a copy or another content is not.

`reading(job, *paths)` makes a job whose code and parameters do not mention where its input files are today: it finds
them by `TODAY`, as a script would that looks its files up by name.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, tell, write
from ..scripts import Scripts, until

TODAY: dict[str, list[str]] = {}
HELD: dict[str, str] = {}


def put(path: str, content: str = "hello") -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(content)


def move(source: str, target: str) -> None:
    Path(target).parent.mkdir(exist_ok=True)
    os.rename(source, target)


def read_today(output: Any) -> None:
    Path(output).write_text("".join(Path(path).read_text() for path in TODAY[output]))


def reading(output: str, *paths: str) -> ppg.Job:
    TODAY[output] = list(paths)
    return ppg.FileGeneratingJob(output, read_today).depends_on(map(ppg.RobustFileChecksumInvariant, paths))


def one(path: str) -> Callable[[], Any]:
    return lambda: reading("out", path)


def test_a_file_that_moved_redoes_nothing(project: Project) -> None:
    put("a/x")
    assert project.ran(one("a/x")) == ["out"]
    assert project.ran(one("a/x")) == []
    move("a/x", "b/x")
    assert project.ran(one("b/x")) == []
    assert project.ran(one("b/x")) == []


def test_without_robust_it_is_another_file(project: Project) -> None:
    put("a/x")
    project.run(lambda: ppg.FileGeneratingJob("out", write()).depends_on_file("a/x"))
    move("a/x", "b/x")
    assert project.ran(lambda: ppg.FileGeneratingJob("out", write()).depends_on_file("b/x")) == ["out"]


def test_a_job_may_become_robust_before_its_file_moves(project: Project) -> None:
    """Both kinds of invariants have the same id and value, so that the change itself redoes nothing."""
    put("a/x")
    TODAY["out"] = ["a/x"]
    project.run(lambda: ppg.FileGeneratingJob("out", read_today).depends_on_file("a/x"))
    assert project.ran(one("a/x")) == []
    move("a/x", "b/x")
    assert project.ran(one("b/x")) == []


def test_moved_twice_and_back(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    for source, target in (("a/x", "b/x"), ("b/x", "c/x"), ("c/x", "a/x"), ("a/x", "b/x")):
        move(source, target)
        assert project.ran(one(target)) == []


def test_moved_while_nobody_looked(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "b/x")
    move("b/x", "c/x")
    assert project.ran(one("c/x")) == []


def test_changed_after_the_move_is_changed(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "b/x")
    assert project.ran(one("b/x")) == []
    put("b/x", "jello")
    outcome = project.run(one("b/x"))
    assert outcome.ran == ["out"]
    assert "'b/x' changed (md5: " in outcome.reason("out"), "an explanation shows where the file is today"
    assert project.read("out") == "jello"


def test_moved_and_changed_at_once_is_another_file(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "b/x")
    put("b/x", "jello")
    outcome = project.run(one("b/x"))
    assert outcome.ran == ["out"]
    assert outcome.reason("out") == "input 'a/x' is gone; new input 'b/x'"


def test_what_is_gone_is_shown_where_it_was_last(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "b/x")
    project.run(one("b/x"))
    assert project.run(lambda: reading("out")).reason("out") == "input 'b/x' is gone"


def test_renamed_is_another_file(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "a/y")
    assert project.ran(one("a/y")) == ["out"]


def test_a_copy_is_another_file(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    put("b/x")
    assert project.ran(one("b/x")) == ["out"]


def test_swapped_contents_are_noticed(project: Project) -> None:
    put("a/x", "1")
    put("b/x", "2")
    build = lambda: reading("out", "a/x", "b/x")  # noqa: E731
    project.run(build)
    move("a/x", "aside"), move("b/x", "a/x"), move("aside", "b/x")
    assert project.ran(build) == ["out"]
    assert project.read("out") == "21"


def test_two_files_of_one_basename_move_together(project: Project) -> None:
    put("a/x", "1")
    put("b/x", "2")

    def build(*folders: str) -> None:
        reading("both", *(f"{folder}/x" for folder in folders))
        for n, folder in enumerate(folders):
            reading(f"out{n}", f"{folder}/x")

    assert project.ran(lambda: build("a", "b")) == ["both", "out0", "out1"]
    move("a/x", "d/x"), move("b/x", "c/x")
    assert project.ran(lambda: build("d", "c")) == []
    put("c/x", "3")
    assert project.ran(lambda: build("d", "c")) == ["both", "out1"]
    assert project.read("both") == "13"


def test_two_files_of_the_same_content_move_in_order(project: Project) -> None:
    put("old1/x"), put("old2/x")

    def build(stem: str) -> None:
        reading("out1", f"{stem}1/x")
        reading("out2", f"{stem}2/x")

    project.run(lambda: build("old"))
    move("old1/x", "new1/x"), move("old2/x", "new2/x")
    assert project.ran(lambda: build("new")) == []


def test_files_that_shift_places_are_changed_files(project: Project) -> None:
    """Where b/x was, a/x is now: the places of today's graph keep their identities, so the shift is noticed."""
    put("a/x", "1"), put("b/x", "2")
    project.run(lambda: reading("out", "a/x", "b/x"))
    move("b/x", "c/x"), move("a/x", "b/x")
    assert project.ran(lambda: reading("out", "b/x", "c/x")) == ["out"]


def test_another_file_at_the_old_place(project: Project) -> None:
    put("a/x", "1")
    project.run(lambda: reading("out1", "a/x"))
    move("a/x", "b/x")
    project.run(lambda: reading("out1", "b/x"))
    put("a/x", "2")

    def build() -> None:
        reading("out1", "b/x")
        reading("out2", "a/x")
        reading("out12", "b/x", "a/x")

    assert project.ran(build) == ["out12", "out2"]
    assert project.ran(build) == []
    put("a/x", "3")
    assert project.ran(build) == ["out12", "out2"]
    assert project.read("out12") == "13"


def test_another_kind_of_job_at_the_old_place(project: Project) -> None:
    """Its id is the identity of the file that left; the file gets another one, at the price of a rerun."""
    put("a/x", "1")
    project.run(one("a/x"))
    move("a/x", "b/x")
    project.run(one("b/x"))

    def build(text: str = "made") -> None:
        made = ppg.FileGeneratingJob("a/x", write(text))
        reading("out", "b/x").depends_on(made)

    assert project.ran(build) == ["a/x", "out"]
    assert project.ran(build) == []
    put("b/x", "3")
    assert project.ran(build) == ["out"]
    assert project.ran(lambda: build("other")) == ["a/x", "out"]
    assert project.ran(lambda: build("other")) == []


def test_a_place_that_is_used_today_is_not_left(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "b/x")

    def build() -> None:
        reading("out", "a/x")
        reading("out2", "b/x")

    outcome = project.run(build)
    assert outcome.failed == ["a/x"]
    assert outcome.pruned == ["out"]
    assert outcome.ran == ["out2"]
    move("b/x", "a/x")
    assert project.ran(one("a/x")) == []


def test_a_missing_file_fails_its_dependants_only_and_is_the_same_when_it_is_back(project: Project) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "away")
    outcome = project.run(one("a/x"))
    assert (outcome.failed, outcome.pruned) == (["a/x"], ["out"])
    outcome = project.run(one("b/x"))
    assert (outcome.failed, outcome.pruned) == (["b/x"], ["out"])
    move("away", "b/x")
    assert project.ran(one("b/x")) == []


def test_what_lies_between_the_file_and_outputs_stays_as_it_was(project: Project) -> None:
    """A chain Robust -> loading job -> outputs, one Robust -> temporary -> output, and a cached one."""

    def load() -> None:
        tell("loaded")
        HELD["x"] = Path(TODAY["load"][0]).read_text()

    def write_held(path: Any) -> None:
        Path(path).write_text(HELD["x"])

    def copy_temporary(path: Any) -> None:
        Path(path).write_text(Path("temporary").read_text())

    def build(path: str) -> None:
        TODAY["load"] = TODAY["temporary"] = [path]
        file = ppg.RobustFileChecksumInvariant(path)
        loading = ppg.DataLoadingJob("load", load).depends_on(file)
        for name in ("one", "two"):
            ppg.FileGeneratingJob(name, write_held).depends_on(loading)
        temporary = ppg.TempFileGeneratingJob("temporary", read_today).depends_on(file)
        ppg.FileGeneratingJob("three", copy_temporary).depends_on(temporary)
        cached = ppg.CachedAttributeLoadingJob("cache", _Target, "value", lambda: len(TODAY["load"])).depends_on(file)
        ppg.FileGeneratingJob("four", lambda path: Path(path).write_text(str(_Target.value))).depends_on(cached)

    put("a/x")
    assert project.ran(lambda: build("a/x")) == [
        "cache",
        "cache_load",
        "four",
        "load",
        "one",
        "temporary",
        "three",
        "two",
    ]
    move("a/x", "b/x")
    assert project.ran(lambda: build("b/x")) == []
    os.unlink("one")
    assert project.ran(lambda: build("b/x")) == ["load", "one"]
    assert project.calls() == ["loaded"] * 2


class _Target:
    value = 0


def test_made_by_a_generating_job(project: Project) -> None:
    def build(path: str) -> None:
        TODAY["out"] = [path]

        def generate() -> None:
            ppg.FileGeneratingJob("out", read_today).depends_on(
                ppg.RobustFileChecksumInvariant(path) for path in TODAY["out"]
            )

        ppg.JobGeneratingJob("generator", generate)

    put("a/x")
    assert project.ran(lambda: build("a/x")) == ["generator", "out"]
    move("a/x", "b/x")
    assert project.ran(lambda: build("b/x")) == ["generator"]
    assert project.ran(one("b/x")) == []
    put("b/x", "jello")
    assert project.ran(lambda: build("b/x")) == ["generator", "out"]
    assert project.read("out") == "jello"


def test_a_dry_run_recognises_it_and_remembers_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    put("a/x")
    project.run(one("a/x"))
    move("a/x", "b/x")
    ppg.new_pipegraph(quiet=True)
    reading("out", "b/x")
    capsys.readouterr()
    ppg.run(dry_run=True)
    assert capsys.readouterr().out == "Nothing would run.\n"
    move("b/x", "a/x")
    put("b/x")
    assert project.ran(one("b/x")) == ["out"], "the dry run did not take a/x for the former b/x"


SCRIPT = """
def read(path):
    tell(path)
    Path(path).write_text(next(Path().glob("*/x")).read_text())

def slow(path):
    tell(path)
    wait_for("go")
    Path(path).write_text("x")

ppg.new_pipegraph(quiet=True)
file = ppg.RobustFileChecksumInvariant(next(Path().glob("*/x")))
ppg.FileGeneratingJob("done", read).depends_on(file)
if os.environ.get("SLOW"):
    ppg.FileGeneratingJob("slow", slow).depends_on(file)
ppg.run()
"""


def test_killed_in_the_run_that_recognised_it(project: Project, scripts: Scripts) -> None:
    put("a/x")
    scripts.good(SCRIPT)
    move("a/x", "b/x")
    killed = scripts.start(SCRIPT, more_env={"SLOW": "1"})
    until(lambda: "slow" in project.calls(), "the slow job")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    move("b/x", "c/x")
    Path("go").touch()
    scripts.good(SCRIPT, more_env={"SLOW": "1"})
    scripts.good(SCRIPT, more_env={"SLOW": "1"})
    assert project.calls() == ["done", "slow", "slow"]


def test_files_below_and_outside_of_the_project(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    put("x")
    project.run(one("x"))
    Path(outside, "x").write_text("hello")
    os.unlink("x")
    assert project.ran(one(str(outside / "x"))) == []
    put("x")
    os.unlink(outside / "x")
    assert project.ran(one("x")) == []
