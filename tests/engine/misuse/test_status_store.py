"""A status store that is none, or damaged: run() refuses, says what to do, and touches nothing; then doing so helps."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, version, write
from ..scripts import Scripts, frames, until

STORE = Path(".pypipegraph_status_robust")


def build() -> None:
    a = ppg.FileGeneratingJob("a", write()).depends_on_params(1)
    ppg.FileGeneratingJob("b", write()).depends_on(a)


def random_bytes() -> None:
    STORE.write_bytes(os.urandom(20_000))


def header_only() -> None:
    STORE.write_bytes(STORE.read_bytes()[:100])


def nothing_in_it() -> None:
    STORE.write_bytes(b"")


def half_of_it() -> None:
    os.truncate(STORE, STORE.stat().st_size // 2)


def one_byte_less() -> None:
    os.truncate(STORE, STORE.stat().st_size - 1)


def the_old_pickle() -> None:
    STORE.write_bytes(pickle.dumps({"a": [0, "hash"]}, protocol=2))


def a_newer_format() -> None:
    with closing(sqlite3.connect(STORE)) as store:
        store.execute("PRAGMA user_version = 9999")


def an_older_format() -> None:
    with closing(sqlite3.connect(STORE)) as store:
        store.execute("PRAGMA user_version = 0")


def a_database_of_others() -> None:
    STORE.unlink()
    with closing(sqlite3.connect(STORE)) as store:
        store.execute("CREATE TABLE mine (x)")


def a_directory() -> None:
    STORE.unlink()
    STORE.mkdir()


def a_dangling_link() -> None:
    STORE.unlink()
    STORE.symlink_to("missing/store")


def test_the_project_itself_is_no_place_for_it(project: Project) -> None:
    ppg.new_pipegraph(quiet=True, invariant_status_filename=".")
    build()
    with pytest.raises(ppg.PyPipeGraphError, match=r"is not a file.*Give another invariant_status_filename"):
        ppg.run()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (random_bytes, "is not an SQLite file"),
        (header_only, "malformed"),
        (nothing_in_it, "is empty"),
        (half_of_it, "damaged|malformed"),
        (one_byte_less, "damaged|malformed"),
        (the_old_pickle, "the pickle that pypipegraph 0.x wrote"),
        (a_newer_format, "has format 9999 of the status store, this version .* format 1"),
        (an_older_format, "has format 0 of the status store, this version .* format 1"),
        (a_database_of_others, "another application"),
        (a_directory, "is not a file"),
    ],
)
def test_it_is_refused_untouched_and_adopting_helps(project: Project, damage: Callable[[], None], words: str) -> None:
    assert project.ran(build) == ["a", "b"]
    damage()
    content = STORE.read_bytes() if STORE.is_file() else b""
    made = version("a"), version("b")
    ppg.new_pipegraph(quiet=True)
    build()
    with pytest.raises(ppg.PyPipeGraphError, match=words) as error:
        ppg.run()
    for part in (STORE.name, "away", "adopt=True"):
        assert part in str(error.value)
    assert (STORE.read_bytes() if STORE.is_file() else b"") == content
    STORE.rename("away")
    assert project.ran(build, adopt=True) == []
    assert project.ran(build) == []
    assert (version("a"), version("b")) == made


def test_a_link_to_a_directory_that_is_missing_is_refused(project: Project) -> None:
    assert project.ran(build) == ["a", "b"]
    a_dangling_link()
    ppg.new_pipegraph(quiet=True)
    build()
    with pytest.raises(ppg.PyPipeGraphError, match=r"there is no directory .*missing"):
        ppg.run()


def test_a_link_to_a_store_elsewhere_is_followed(project: Project) -> None:
    Path("scratch").mkdir()
    STORE.symlink_to("scratch/store")
    assert project.ran(build) == ["a", "b"]
    assert STORE.is_symlink()
    assert project.ran(build) == []


def test_after_a_refusal_the_way_is_free(project: Project) -> None:
    """No lock, no process and no file stays from the run that was refused."""
    assert project.ran(build) == ["a", "b"]
    good = STORE.read_bytes()
    names = sorted(os.listdir())
    random_bytes()
    for _ in range(3):
        ppg.new_pipegraph(quiet=True)
        build()
        with pytest.raises(ppg.PyPipeGraphError, match="not an SQLite file"):
            ppg.run()
    assert sorted(os.listdir()) == names
    STORE.write_bytes(good)
    assert project.ran(build) == []


def test_a_directory_for_it_that_is_missing_is_named(project: Project) -> None:
    ppg.new_pipegraph(quiet=True, invariant_status_filename="missing/store")
    build()
    with pytest.raises(ppg.PyPipeGraphError, match=r"there is no directory .*missing. Create it"):
        ppg.run()
    assert not Path("a").exists()


def test_one_that_another_run_holds_is_told_without_our_insides(project: Project, scripts: Scripts) -> None:
    text = "def hold(path):\n    tell('reached')\n    wait_for('never')\n"
    text += "ppg.new_pipegraph(quiet=True)\nppg.FileGeneratingJob('a', hold)\nppg.run()\n"
    scripts.start(text)
    until(lambda: project.calls() == ["reached"], "the job")
    done = scripts.run(text, "another.py")
    assert "is in use by process" in done.stderr
    assert frames(done.stderr) == ["<module>", "run_pipegraph"], done.stderr
