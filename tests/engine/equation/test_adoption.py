"""Adoption: files without a record are "taken over as they are, with a warning", under three conditions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pypipegraph as ppg

from ..project import Project, copy, write, write_all


def put(*names: str) -> None:
    for name in names:
        Path(name).write_text("old")


def test_existing_outputs_are_taken_over_with_a_warning(project: Project, capsys: Any) -> None:
    def build() -> None:
        a = ppg.FileGeneratingJob("a", write()).ignore_code_changes()
        ppg.FileGeneratingJob("b", write()).depends_on(a).ignore_code_changes()

    put("a", "b")
    outcome = project.run(build, quiet=False)
    assert outcome.ran == []
    assert outcome.reason("a") == "its output existed and was taken over"
    assert [name for name in "ab" if any(f"{name}') was there already" in w for w in outcome.warnings())] == ["a", "b"]
    assert "taken over" in capsys.readouterr().err
    outcome = project.run(build)
    assert outcome.ran == []
    assert outcome.warnings() == [], "now there is a record"


def test_not_where_an_invariant_is_among_the_inputs(project: Project) -> None:
    """A FileGeneratingJob has one unless its code is ignored: nobody knows what made the file."""
    put("a", "b")

    def build() -> None:
        ppg.FileGeneratingJob("a", write())
        ppg.FileGeneratingJob("b", write()).ignore_code_changes().depends_on_params(1)

    outcome = project.run(build)
    assert outcome.ran == ["a", "b"]
    assert outcome.reason("a") == "it has never been done"


def test_not_where_a_file_is_missing_or_empty(project: Project) -> None:
    def build() -> None:
        pair = ppg.MultiFileGeneratingJob(["a", "b"], lambda: [write()(name) for name in "ab"] and None)
        pair.ignore_code_changes()
        ppg.FileGeneratingJob("c", write()).ignore_code_changes()

    put("a")
    Path("c").touch()
    assert project.ran(build) == ["a:b", "c"]


def test_not_where_an_input_is_rebuilt_in_this_run(project: Project) -> None:
    def build() -> None:
        a = ppg.FileGeneratingJob("a", write())
        ppg.FileGeneratingJob("b", copy("a")).ignore_code_changes().depends_on(a)

    put("a", "b")
    assert project.ran(build) == ["a", "b"]
    assert project.read("b") == "x"


def test_not_after_a_failure(project: Project) -> None:
    """A tombstone is a record of a kind: "no record at all"."""
    project.run(lambda: ppg.FileGeneratingJob("a", lambda: None).ignore_code_changes())
    put("a")
    for adopt in (False, True):
        outcome = project.run(lambda: ppg.FileGeneratingJob("a", lambda: None).ignore_code_changes(), adopt=adopt)
        assert outcome.failed == ["a"]
        put("a")


def test_adopt_takes_every_existing_output_over(project: Project) -> None:
    """ "`new_pipegraph(adopt=True)` takes over every existing output as current" """

    def build() -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(1)
        b = ppg.FileGeneratingJob("b", write()).depends_on(a)
        ppg.FileGeneratingJob("c", copy("b")).depends_on(b)

    put("a", "c")
    outcome = project.run(build, adopt=True)
    assert outcome.ran == ["b", "c"], "b is not there, so it is made, and c has an input that is rebuilt"
    assert project.read("a") == "old"
    assert project.ran(build) == []


def test_adopt_says_how_many_files_are_taken_over_and_the_log_which(project: Project, capsys: Any) -> None:
    def build() -> None:
        for name in "abc":
            ppg.FileGeneratingJob(name, write())
        ppg.JobGeneratingJob("generator", lambda: ppg.FileGeneratingJob("made", write()) and None)

    put("a", "b", "made")
    outcome = project.run(build, adopt=True, quiet=False)
    assert outcome.ran == ["c", "generator"]
    sentence = "2 outputs that were there are taken over as they are (adopt=True)."
    later = "1 more output that was there is taken over as it is (adopt=True)."
    assert outcome.warnings() == [sentence, later]
    assert [line.partition(": ")[2] for line in outcome.log.splitlines() if " INFO taken over: " in line] == [
        f"FileGeneratingJob({name!r})" for name in ("a", "b", "made")
    ]
    told = capsys.readouterr().err
    assert f"pypipegraph: {sentence}\n" in told
    assert "FileGeneratingJob('a')" not in told
    assert project.run(build, adopt=True).warnings() == [], "only once"


def test_adopt_overrides_records(project: Project) -> None:
    def build(value: int) -> None:
        a = ppg.FileGeneratingJob("a", write(str(value)))
        ppg.FileGeneratingJob("b", copy("a")).depends_on(a)

    project.run(lambda: build(1))
    assert project.ran(lambda: build(2), adopt=True) == []
    assert project.ran(lambda: build(2)) == []
    assert project.read("b") == "1"
    assert project.ran(lambda: build(1)) == ["a", "b"]


def test_after_the_loss_of_the_store_everything_can_be_adopted(project: Project) -> None:
    def build() -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(1)
        ppg.FileGeneratingJob("b", copy("a")).depends_on(a)

    project.run(build)
    for path in Path().glob(".pypipegraph_status_robust*"):
        os.unlink(path)
    assert project.ran(build, adopt=True) == []
    assert project.ran(build) == []


def test_inside_a_generating_job(project: Project) -> None:
    def build(adopt: bool) -> None:
        def generate() -> None:
            ppg.FileGeneratingJob("a", write()).ignore_code_changes()
            ppg.FileGeneratingJob("b", write())

        ppg.JobGeneratingJob("generator", generate)

    put("a", "b")
    assert project.ran(lambda: build(False)) == ["b", "generator"]
    os.unlink(".pypipegraph_status_robust")
    put("b")
    assert project.ran(lambda: build(True), adopt=True) == ["generator"]
    assert project.ran(lambda: build(False)) == ["generator"]
    assert (project.read("a"), project.read("b")) == ("old", "old")


def test_what_was_adopted_is_redone_when_something_changes_afterwards(project: Project) -> None:
    def build(value: int) -> None:
        a = ppg.FileGeneratingJob("a", write()).depends_on_params(value)
        ppg.MultiFileGeneratingJob(["b1", "b2"], write_all()).depends_on(a)

    put("a", "b1", "b2")
    assert project.ran(lambda: build(1), adopt=True) == []
    assert project.ran(lambda: build(1)) == []
    outcome = project.run(lambda: build(2))
    assert outcome.ran == ["a", "b1:b2"]
    assert outcome.reason("a") == "'PIa' changed (value: 1 -> 2)"


def test_adopt_makes_no_file_that_is_missing_or_empty_into_an_output(project: Project) -> None:
    def build() -> None:
        for name in "abc":
            ppg.FileGeneratingJob(name, write(), empty_ok=name == "c")

    put("a")
    Path("b").touch(), Path("c").touch()
    assert project.ran(build, adopt=True) == ["b"]
    assert project.read("c") == ""
