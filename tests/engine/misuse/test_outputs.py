"""What else may be under the name of an output: links, other names of it, FIFOs, devices; and what a job may leave."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, fail, write


def one(callback: Callable[..., object] = write()) -> Callable[[], None]:  # noqa: B008  # a callback like any other
    def build() -> None:
        job = ppg.FileGeneratingJob("a", callback)
        ppg.FileGeneratingJob("after", write()).depends_on(job)
        ppg.FileGeneratingJob("aside", write())

    return build


def test_a_dangling_link_is_replaced_by_the_file(project: Project) -> None:
    os.symlink("nowhere", "a")
    assert project.ran(one()) == ["a", "after", "aside"]
    assert not Path("a").is_symlink()
    assert not Path("nowhere").exists()
    assert project.ran(one()) == []


def test_a_link_to_a_file_is_replaced_and_its_target_left_alone(project: Project) -> None:
    assert project.ran(one()) == ["a", "after", "aside"]
    Path("target").write_text("precious")
    os.unlink("a")
    os.symlink("target", "a")
    assert project.ran(one(write("new"))) == ["a", "after"]
    assert (project.read("a"), project.read("target")) == ("new", "precious")
    assert not Path("a").is_symlink()


def test_of_a_failing_job_only_the_link_is_removed(project: Project) -> None:
    Path("target").write_text("precious")

    def callback(path: str) -> None:
        os.symlink("target", path)
        raise ValueError

    assert project.run(one(callback)).failed == ["a"]
    assert not os.path.lexists("a")
    assert project.read("target") == "precious"


def test_a_job_may_make_a_link_to_a_file(project: Project) -> None:
    def callback(path: str) -> None:
        Path("target").write_text("x")
        os.symlink("target", path)

    assert project.ran(one(callback)) == ["a", "after", "aside"]
    assert project.ran(one(callback)) == []
    Path("target").write_text("edited")
    assert project.ran(one(callback)) == ["after"], "what the link shows counts"
    os.unlink("target")
    assert project.ran(one(callback)) == ["a", "after"]


def test_another_name_of_the_same_file_keeps_what_it_had(project: Project) -> None:
    assert project.ran(one()) == ["a", "after", "aside"]
    os.link("a", "kept")
    assert project.ran(one(write("new"))) == ["a", "after"]
    assert (project.read("a"), project.read("kept")) == ("new", "x")


def make_fifo() -> None:
    os.mkfifo("a")


def make_socket() -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("a")
    listening.close()


def make_link_to_directory() -> None:
    os.mkdir("elsewhere")
    os.symlink("elsewhere", "a")


def make_device() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device")
    try:
        os.mknod("a", 0o666 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no devices can be made here")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_fifo, "a FIFO"),
        (make_socket, "a socket"),
        (make_device, "a character device"),
        (make_link_to_directory, "a symbolic link to a directory"),
    ],
)
@pytest.mark.parametrize("rename_broken", [False, True])
def test_what_is_no_file_stays_and_the_job_fails(
    project: Project, make: Callable[[], None], words: str, rename_broken: bool
) -> None:
    make()
    facts = os.lstat("a")

    def build() -> None:
        ppg.FileGeneratingJob("a", write(), rename_broken=rename_broken)
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert outcome.failed == ["a"]
    assert type(outcome.exception("a")) is FileExistsError
    for part in (f"{words} is in its place", str(project.path / "a"), "Move it away"):
        assert part in str(outcome.exception("a"))
    assert (os.lstat("a").st_ino, os.lstat("a").st_mode) == (facts.st_ino, facts.st_mode)
    assert project.read("aside") == "x"
    os.unlink("a")
    assert project.ran(build) == ["a"]


def test_an_obstacle_to_one_of_several_outputs_touches_none(project: Project) -> None:
    def build(text: str) -> None:
        ppg.MultiFileGeneratingJob(["a", "b"], lambda paths: [Path(path).write_text(text) for path in paths])

    assert project.ran(lambda: build("x")) == ["a:b"]
    os.unlink("b")
    os.mkdir("b")
    assert project.run(lambda: build("y")).failed == ["a:b"]
    assert project.read("a") == "x"


@pytest.mark.parametrize(
    ("make", "words"), [(os.mkfifo, "but a FIFO"), (os.mkdir, "but a directory")], ids=["FIFO", "directory"]
)
def test_a_job_that_makes_no_file_is_told_what_it_made(
    project: Project, make: Callable[[str], None], words: str
) -> None:
    outcome = project.run(one(lambda path: make(path)))
    assert outcome.failed == ["a"]
    assert words in str(outcome.exception("a"))


def ran_without_checks(build: Callable[[], object]) -> list[str]:
    """What ran, where files change in ways that `Project.run` would not put up with."""
    graph = ppg.new_pipegraph(quiet=True)
    build()
    ppg.run()
    return sorted(path for path, job in graph.writers.items() if job.was_run)


def test_a_job_that_deletes_the_output_of_another_harms_that_one_file(project: Project) -> None:
    def build() -> None:
        victim = ppg.FileGeneratingJob("victim", write())
        ppg.FileGeneratingJob("a", lambda path: (os.unlink("victim"), Path(path).write_text("x"))).depends_on(victim)
        ppg.FileGeneratingJob("aside", write())

    assert ran_without_checks(build) == ["a", "aside", "victim"]
    assert ran_without_checks(build) == ["a", "victim"], "made again, and deleted again"


def test_a_job_that_writes_the_output_of_another_is_noticed(project: Project) -> None:
    """As an edit by hand: kept, told, and what depends on it is redone."""

    def meddle(path: str) -> None:
        Path("victim").write_text("meddled")
        Path(path).write_text("x")

    def build() -> None:
        victim = ppg.FileGeneratingJob("victim", write())
        ppg.FileGeneratingJob("a", meddle).depends_on(victim)
        ppg.FileGeneratingJob("aside", write())

    assert ran_without_checks(build) == ["a", "aside", "victim"]
    assert ran_without_checks(build) == ["a"]
    assert "'victim' was edited by hand since it was made" in project.read("logs/ppg_run.txt")


def test_a_failing_job_leaves_the_files_of_others_alone(project: Project) -> None:
    Path("a.broken").write_text("older")
    assert project.run(one(fail)).failed == ["a"]
    assert project.read("a.broken") == "older"


def test_a_missing_directory_is_named_beside_the_callbacks_own_error(project: Project) -> None:
    """ADR 0010: directories of outputs are the user's to make."""

    def build() -> None:
        ppg.FileGeneratingJob("missing/a", write())
        ppg.FileGeneratingJob("b", lambda path: Path("no such input").read_text())

    outcome = project.run(build)
    assert outcome.failed == ["b", "missing/a"]
    assert type(outcome.exception("missing/a")) is FileNotFoundError
    assert str(outcome.error).count(f"There is no directory {project.path / 'missing'} for the output") == 1
    Path("missing").mkdir()
    assert project.run(build).failed == ["b"]
