"""Jobs that remove what the engine itself lives on: its logs, its directory in /tmp, its status store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import pypipegraph as ppg
from ppg_cs.session_directory import owner_of, runtime_root

from ..project import Project, tell, write

STORE = ".pypipegraph_status_robust"


def build_around(mischief: Callable[[], None]) -> Callable[[], None]:
    """Jobs and a load after a job that does it, and one beside."""

    def callback(path: str) -> None:
        tell("done")
        mischief()
        Path(path).write_text("x")

    def build() -> None:
        first = ppg.FileGeneratingJob("first", callback).ignore_code_changes()
        loading = ppg.DataLoadingJob("load", lambda: None).depends_on(first)
        for name in ("after", "later"):
            ppg.FileGeneratingJob(name, write()).depends_on(first)
        ppg.FileGeneratingJob("loaded", write()).depends_on(loading)
        ppg.FileGeneratingJob("aside", write())

    return build


ALL = ["after", "aside", "first", "later", "load", "loaded"]


def test_the_logs(project: Project) -> None:
    build = build_around(lambda: shutil.rmtree("logs"))
    assert project.ran(build) == ALL
    assert project.ran(build) == []
    assert not Path("logs").exists()


def test_the_session_directory(project: Project) -> None:
    root = runtime_root(str(project.path))

    def move_away() -> None:
        os.rename(root, "moved")

    build = build_around(move_away)
    assert project.ran(build) == ALL
    assert not root.exists(), "what was made again is removed at the end"
    assert project.ran(build) == []


def test_a_session_directory_that_is_made_again_is_as_private_and_names_its_owner(project: Project) -> None:
    root = runtime_root(str(project.path))

    def look(path: str) -> None:
        (session,) = root.iterdir()
        owner = owner_of(session)
        assert owner is not None
        Path(path).write_text(f"{root.stat().st_mode & 0o777:o} {session.stat().st_mode & 0o777:o} {owner.pid}")
        print("captured")

    def build() -> None:
        first = ppg.FileGeneratingJob("first", lambda path: (os.rename(root, "moved"), Path(path).write_text("x")))
        ppg.FileGeneratingJob("look", look).depends_on(first)

    outcome = project.run(build)
    assert outcome.failed == []
    assert project.read("look") == f"700 700 {os.getpid()}"
    assert outcome.job("look").stdout == "captured\n"


def remove_store() -> None:
    os.unlink(STORE)


def remove_all_of_it() -> None:
    for path in Path().glob(STORE + "*"):
        path.unlink()


def move_store() -> None:
    os.rename(STORE, "moved")


@pytest.mark.parametrize("mischief", [remove_store, remove_all_of_it, move_store])
def test_the_status_store_is_put_back(project: Project, mischief: Callable[[], None]) -> None:
    def build() -> None:
        build_around(mischief)()
        ppg.FileGeneratingJob("params", write()).depends_on_params(1)

    outcome = project.run(build)
    assert outcome.failed == []
    (warning,) = outcome.warnings()
    for words in (str(project.path / STORE), "was removed during the run", "written again"):
        assert words in warning
    second = project.run(build)
    assert (second.ran, second.warnings()) == ([], [])
    assert project.calls() == ["done"]
    assert sorted(path.name for path in Path().glob(".*")) == [STORE]


def test_another_store_in_its_place_is_left_alone_and_told(project: Project) -> None:
    build = build_around(lambda: None)
    assert project.ran(build) == ALL
    shutil.copy(STORE, "backup")

    def restore() -> None:
        os.replace("backup", STORE)

    def more() -> None:
        build()
        ppg.FileGeneratingJob("restores", lambda path: (restore(), Path(path).write_text("x")))

    before = Path("backup").read_bytes()
    with pytest.raises(ppg.PyPipeGraphError, match=r"replaced by another file while this run held it"):
        project.run(more)
    assert Path(STORE).read_bytes() == before
    assert project.ran(build) == [], "the restored store is as good as it was"


def test_the_whole_project(project: Project) -> None:
    """Nothing can be kept then, but the error says so and no process stays."""

    def remove(path: str) -> None:
        shutil.rmtree(project.path)

    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", remove)
    with pytest.raises(ppg.PyPipeGraphError, match=r"directory .* was removed during the run"):
        ppg.run()
    os.makedirs(project.path / "logs")
    os.chdir(project.path)
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]
