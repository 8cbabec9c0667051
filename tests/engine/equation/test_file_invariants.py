"""Input files: by time, by content, several at once; touched, changed, vanished."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, write

Make = Callable[[], ppg.Job]
CONTENT: dict[str, Make] = {
    "checksum": lambda: ppg.FileChecksumInvariant("in"),
    "several": lambda: ppg.MultiFileInvariant(["in", "in2"]),
}
ALL: dict[str, Make] = {**CONTENT, "time": lambda: ppg.FileTimeInvariant("in")}


def builder(make: Make) -> Callable[[], None]:
    def build() -> None:
        ppg.FileGeneratingJob("a", copy("in")).depends_on(make())
        ppg.FileGeneratingJob("aside", write())

    Path("in").write_text("hello")
    Path("in2").write_text("there")
    return build


@pytest.mark.parametrize("kind", ALL)
def test_nothing_changed_nothing_done(project: Project, kind: str) -> None:
    build = builder(ALL[kind])
    assert project.ran(build) == ["a", "aside"]
    assert project.ran(build) == []


@pytest.mark.parametrize("kind", ALL)
def test_changed_content_and_time(project: Project, kind: str) -> None:
    build = builder(ALL[kind])
    project.run(build)
    Path("in").write_text("HELLO")
    outcome = project.run(build)
    assert outcome.ran == ["a"]
    assert " changed (" in outcome.reason("a")
    assert project.read("a") == "HELLO"


@pytest.mark.parametrize("kind", CONTENT)
def test_a_touch_alone_redoes_nothing_where_content_counts(project: Project, kind: str) -> None:
    """ "A checksum invariant: the checksum alone; mtime, ctime and size decide whether it must be taken again.\""""
    build = builder(CONTENT[kind])
    project.run(build)
    os.utime("in", ns=(1, 1))
    assert project.ran(build) == []


def test_a_touch_redoes_where_time_counts(project: Project) -> None:
    build = builder(ALL["time"])
    project.run(build)
    os.utime("in", ns=(1, 1))
    assert project.ran(build) == ["a"]


@pytest.mark.parametrize("kind", CONTENT)
def test_content_changed_with_size_and_mtime_kept_is_noticed_by_ctime(project: Project, kind: str) -> None:
    build = builder(CONTENT[kind])
    project.run(build)
    facts = os.stat("in")
    Path("in").write_text("jello")
    os.utime("in", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert project.ran(build) == ["a"]


@pytest.mark.parametrize("kind", ALL)
def test_a_missing_input_fails_its_dependants_only(project: Project, kind: str) -> None:
    """ "A missing input file of an invariant fails that invariant's dependants only.\""""
    build = builder(ALL[kind])
    os.unlink("in")
    outcome = project.run(build)
    assert outcome.ran == ["aside"]
    (failed,) = outcome.failed
    assert outcome.pruned == ["a"]
    assert isinstance(outcome.exception(failed), FileNotFoundError)
    assert not outcome.job(failed).was_run
    assert outcome.job("a").failed


@pytest.mark.parametrize("kind", ALL)
def test_a_vanished_input_leaves_the_output_alone_and_nothing_is_redone_when_it_is_back(
    project: Project, kind: str
) -> None:
    build = builder(ALL[kind])
    project.run(build)
    os.rename("in", "away")
    outcome = project.run(build)
    assert outcome.pruned == ["a"]
    assert project.read("a") == "hello"
    os.rename("away", "in")
    assert project.ran(build) == []


def test_the_set_of_files_counts(project: Project) -> None:
    for name in "xyz":
        Path(name).write_text(name)

    def build(names: str) -> None:
        ppg.FileGeneratingJob("a", write()).depends_on(ppg.MultiFileInvariant(list(names)))

    assert project.ran(lambda: build("xy")) == ["a"]
    assert project.ran(lambda: build("yx")) == []
    assert project.ran(lambda: build("xyz")) == ["a"]
    Path("z").write_text("Z")
    outcome = project.run(lambda: build("xyz"))
    assert outcome.ran == ["a"]
    assert "z: " in outcome.reason("a")


def test_swapped_contents_count(project: Project) -> None:
    def build() -> None:
        ppg.FileGeneratingJob("a", copy("x", "y")).depends_on(ppg.MultiFileInvariant(["x", "y"]))

    Path("x").write_text("1"), Path("y").write_text("2")
    project.run(build)
    Path("x").write_text("2"), Path("y").write_text("1")
    assert project.ran(build) == ["a"]
    assert project.read("a") == "21"


def test_a_directory_is_no_input_file(project: Project) -> None:
    Path("in").mkdir()
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", write()).depends_on_file("in"))
    assert outcome.failed == ["in"]
    assert outcome.pruned == ["a"]
    assert "not a regular file" in str(outcome.exception("in"))


def test_an_empty_input_file_is_fine(project: Project) -> None:
    Path("in").touch()
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write()).depends_on_file("in")) == ["a"]


def test_fileinvariant_is_the_older_name(project: Project) -> None:
    assert ppg.FileInvariant is ppg.FileChecksumInvariant
    ppg.new_pipegraph(quiet=True)
    for nonsense in ("ab", b"ab", []):
        with pytest.raises(ppg.JobContractError):
            ppg.MultiFileInvariant(nonsense)
