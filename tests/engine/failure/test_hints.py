"""What a user who made a mistake is told: which file, who wants it, who makes it, what to write."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Outcome, Project, copy, write


def refuse() -> None:
    """A callback that never writes anything, not even for a moment."""
    raise ValueError("as told")


def paragraph(outcome: Outcome, job_id: str) -> str:
    """What the raised error says of a job."""
    assert outcome.error is not None
    (failure,) = [failure for failure in outcome.error.failures if failure.job_id == job_id]
    assert str(failure) in outcome.log
    assert failure.brief() in str(outcome.error)
    return str(failure)


# ------------------------------------------------------------------------------------------------- files that jobs make


def test_a_forgotten_prerequisite_is_named(project: Project) -> None:
    def build() -> None:
        ppg.MultiFileGeneratingJob(["made", "too"], refuse)
        ppg.FileGeneratingJob("b", copy("too"))

    told = paragraph(project.run(build), "b")
    assert (
        "'too' is made by MultiFileGeneratingJob('made:too'), on which FileGeneratingJob('b') does not depend" in told
    )
    assert "depends_on()" in told


def test_it_is_found_under_its_whole_path(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("made", refuse)
        ppg.FileGeneratingJob("b", copy(os.path.abspath("made")))

    assert "is made by FileGeneratingJob('made')" in paragraph(project.run(build), "b")


def test_a_temporary_that_is_depended_on_through_others_is_gone(project: Project) -> None:
    def build() -> None:
        made = ppg.TempFileGeneratingJob("made", write())
        between = ppg.FileGeneratingJob("between", copy("made")).depends_on(made)
        ppg.FileGeneratingJob("b", copy("made")).depends_on(between)

    told = paragraph(project.run(build), "b")
    assert "'made' is a temporary file of TempFileGeneratingJob('made'), which is kept for jobs that depend on" in told


@pytest.mark.parametrize("directly", [True, False])
def test_a_prerequisite_that_somebody_took_away_was_not_forgotten(project: Project, directly: bool) -> None:
    def take_away(path: str) -> None:
        os.rename("made", path)

    def read_and_restore(path: str) -> None:
        try:
            copy("made")(path)
        finally:
            os.link("between", "made")

    def build() -> None:
        made = ppg.FileGeneratingJob("made", write())
        between = ppg.FileGeneratingJob("between", take_away).depends_on(made)
        reader = ppg.FileGeneratingJob("b", read_and_restore).depends_on(between)
        if directly:
            reader.depends_on(made)

    outcome = project.run(build)
    assert "FileNotFoundError" in paragraph(outcome, "b")
    assert outcome.error is not None
    assert outcome.error.failures[0].hint == ""


def test_a_job_that_reads_its_own_output_is_told_when_that_is_removed(project: Project) -> None:
    assert "'a' is the job's own output" in paragraph(project.run(lambda: ppg.FileGeneratingJob("a", copy("a"))), "a")


@pytest.mark.parametrize(
    "error", [FileNotFoundError(), FileNotFoundError(2, "gone", ""), FileNotFoundError(2, "gone", b"a")]
)
def test_errors_that_name_no_file_have_no_hint(project: Project, error: Exception) -> None:
    def callback(path: str) -> None:
        raise error

    outcome = project.run(lambda: ppg.FileGeneratingJob("a", callback).ignore_code_changes())
    assert outcome.error is not None
    assert outcome.error.failures[0].hint == ""


# --------------------------------------------------------------------------------------------------------- input files


def test_a_missing_input_is_told_at_once_with_who_wants_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("reads.fq").write_text("ACGT")

    def build() -> None:
        for name in ("a", "b"):
            ppg.FileGeneratingJob(name, write()).depends_on_file("raeds.fq")

    outcome = project.run(build, quiet=False)
    told = paragraph(outcome, "raeds.fq")
    assert "It is an input file of 'a', 'b'. Did you mean 'reads.fq'?" in told
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("pypipegraph: failed: FileChecksumInvariant('raeds.fq'): FileNotFoundError")
    assert lines[1].startswith("pypipegraph: 0 jobs run, 0 of 2 outputs were current, 1 failed, 2 not run")


def test_of_many_dependants_some_are_named(project: Project) -> None:
    def build() -> None:
        missing = ppg.FileTimeInvariant("missing")
        for number in range(7):
            ppg.FileGeneratingJob(f"out-{number}", write()).depends_on(missing)

    assert "'out-4' and 2 more." in paragraph(project.run(build), "missing")


# ------------------------------------------------------------------------------------ callbacks that write no output


def works(path: str) -> str:
    """Returns what it should write."""
    return "the content"


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (works, "The callback is works ("),
        (partial(works), "The callback is works ("),
        (works, "It returned something (str), which nobody writes for it."),
        (works, "unless they are bound as defaults"),
    ],
)
def test_a_job_without_its_output_is_told_which_callback_that_was(
    project: Project, callback: Callable[[str], object], words: str
) -> None:
    told = paragraph(project.run(lambda: ppg.FileGeneratingJob("a", callback)), "a")
    assert words in told
    assert f"{__file__}:{works.__code__.co_firstlineno}" in told
    assert "outputs.py" not in told, "our own frames say nothing to the user"


def test_what_lambdas_return_by_the_way_is_not_told(project: Project) -> None:
    told = paragraph(project.run(lambda: ppg.FileGeneratingJob("a", lambda: Path("b").write_text("x"))), "a")
    assert "returned something" not in told


# -------------------------------------------------------------------------------------------------------------- floods


@pytest.mark.parametrize(("line", "count"), [("short", 5_000), ("x" * 50_000, 1)])
def test_of_a_flood_the_error_shows_the_last_lines_and_the_log_all_that_was_kept(
    project: Project, line: str, count: int
) -> None:
    def callback(path: str) -> None:
        print("the beginning")
        for number in range(count):
            print(line, number)
        raise ValueError

    text = str(project.run(lambda: ppg.FileGeneratingJob("a", callback)).error)
    assert f"{line[-5:]} {count - 1}" in text
    assert "the end only" in text
    assert "the beginning" not in text
    assert len(text) < 12_000
    assert "the beginning" in project.read("logs/ppg_errors.txt")
