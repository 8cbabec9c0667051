"""What may not be read or written, told by a user for whom permissions count."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pypipegraph as ppg

from ..project import Project, version, write
from ..unprivileged import Unprivileged

STORE = ".pypipegraph_status_robust"


def test_a_read_only_directory_fails_the_jobs_that_write_there(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        def build(text: str) -> None:
            bad = ppg.FileGeneratingJob("shut/a", write(text))
            ppg.FileGeneratingJob("after", write()).depends_on(bad)
            ppg.FileGeneratingJob("aside", write(text))

        Path("shut").mkdir()
        assert project.ran(lambda: build("1")) == ["after", "aside", "shut/a"]
        os.chmod("shut", 0o500)
        made = version("shut/a")
        outcome = project.run(lambda: build("2"))
        assert (outcome.failed, outcome.pruned) == (["shut/a"], ["after"])
        assert type(outcome.exception("shut/a")) is PermissionError
        for words in (str(project.path / "shut/a"), "Permission denied", "of an earlier run is removed before"):
            assert words in str(outcome.error)
        assert version("shut/a") == made, "the old file stays"
        assert project.read("aside") == "2"
        os.chmod("shut", 0o700)
        assert project.ran(lambda: build("2")) == ["after", "shut/a"]

    as_nobody(story)


def test_an_output_that_cannot_be_made_in_a_read_only_directory(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        Path("shut").mkdir(mode=0o500)
        outcome = project.run(lambda: ppg.FileGeneratingJob("shut/a", write()))
        assert type(outcome.exception("shut/a")) is PermissionError
        assert "in callback" in str(outcome.error), "it is the callback's own error"

    as_nobody(story)


def test_an_input_that_cannot_be_read_fails_what_depends_on_it(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        Path("secret").write_text("x")
        os.chmod("secret", 0)
        Path("shut").mkdir(mode=0)

        def build() -> None:
            ppg.FileGeneratingJob("a", write()).depends_on_file("secret")
            ppg.FileGeneratingJob("b", write()).depends_on(ppg.FileTimeInvariant("shut/unseen"))
            ppg.FileGeneratingJob("aside", write())

        outcome = project.run(build)
        assert (outcome.failed, outcome.pruned, outcome.ran) == (["secret", "shut/unseen"], ["a", "b"], ["aside"])
        for path in ("secret", "shut/unseen"):
            assert f"[Errno 13] Permission denied: '{project.path / path}'" in str(outcome.error)

    as_nobody(story)


def test_an_output_that_its_own_job_may_not_read(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        def callback(path: str) -> None:
            os.umask(0o777)
            Path(path).write_text("x")

        outcome = project.run(lambda: ppg.FileGeneratingJob("a", callback))
        assert type(outcome.exception("a")) is PermissionError
        assert "then its output was opened to be checked" in str(outcome.error)
        assert not Path("a").exists()

    as_nobody(story)


def test_a_cache_folder_that_cannot_be_written(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        Path("cache").mkdir(mode=0o500)

        def build() -> None:
            cached = ppg.CachedDataLoadingJob("cache/value", lambda: 1, lambda value: None)
            ppg.FileGeneratingJob("a", write()).depends_on(cached)
            ppg.FileGeneratingJob("aside", write())

        outcome = project.run(build)
        assert outcome.failed == ["cache/value"]
        assert type(outcome.exception("cache/value")) is PermissionError
        assert outcome.ran == ["aside", "cache/value"]

    as_nobody(story)


def refusal(project: Project) -> str:
    """Why a run is refused, in which nothing is done."""
    before = sorted(os.listdir())
    try:
        project.run(lambda: ppg.FileGeneratingJob("new", write()))
    except ppg.PyPipeGraphError as error:
        assert sorted(os.listdir()) == before
        return str(error)
    raise AssertionError("it was not refused")


def test_a_status_store_that_cannot_be_read_or_written(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]
        store = str(project.path / STORE)
        for mode, words in ((0, "can't be read: Permission denied"), (0o400, "not writable")):
            os.chmod(STORE, mode)
            told = refusal(project)
            assert store in told
            assert words in told
        os.chmod(STORE, 0o600)
        assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == []

    as_nobody(story)


def test_a_project_directory_that_cannot_be_written(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        os.chmod(".", 0o500)
        told = refusal(project)
        assert str(project.path) in told
        assert "you may write" in told or "writable" in told
        os.chmod(".", 0o700)

    as_nobody(story)


def test_a_store_that_somebody_elses_pickle_took_the_place_of(as_nobody: Unprivileged) -> None:
    def story(project: Project) -> None:
        Path(STORE).write_bytes(pickle.dumps({"a": [0, "hash"]}, protocol=2))
        os.chmod(STORE, 0o444)
        told = refusal(project)
        assert "pypipegraph 0.x" in told
        assert "adopt=True" in told

    as_nobody(story)
