"""`forget_job_status()`: everything counts as never done; nobody else's file and no living run is harmed."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, write
from ..scripts import Scripts, until

STORE = ".pypipegraph_status_robust"
RUN = """
def slow(path):
    tell(os.getppid())
    wait_for("go")
    Path(path).write_text("x")

ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("slow", slow)
ppg.run()
"""


def build() -> None:
    a = ppg.FileGeneratingJob("a", write())
    ppg.FileGeneratingJob("b", write()).depends_on(a)


def beside(name: str = STORE) -> list[str]:
    return sorted(path for path in os.listdir() if path.startswith(name))


def test_everything_counts_as_never_done(project: Project) -> None:
    project.run(build)
    assert project.ran(build) == []
    ppg.forget_job_status()
    assert beside() == []
    assert project.read("a") == "x", "outputs stay"
    outcome = project.run(build)
    assert outcome.ran == ["a", "b"]
    assert outcome.reason("a") == "it has never been done"
    assert project.ran(build) == []


def test_without_a_store_it_does_nothing(project: Project) -> None:
    ppg.destroy_global_pipegraph()
    ppg.forget_job_status()
    ppg.forget_job_status("nowhere/at/all")
    assert beside() == []


def test_the_store_of_the_current_pipegraph_before_it_runs(project: Project) -> None:
    project.run(build, invariant_status_filename="own")
    ppg.new_pipegraph(quiet=True, invariant_status_filename="own")
    build()
    ppg.forget_job_status()
    assert beside("own") == []
    ppg.run()
    assert ppg.util.global_pipegraph is not None
    assert ppg.util.global_pipegraph.jobs["a"].was_run


def test_the_store_of_this_directory_without_a_pipegraph(project: Project) -> None:
    project.run(build)
    ppg.destroy_global_pipegraph()
    ppg.forget_job_status()
    assert beside() == []


@pytest.mark.parametrize("given", ["own", "./own", Path("own")])
def test_a_store_by_name(project: Project, given: str | Path) -> None:
    project.run(build, invariant_status_filename="own")
    project.run(build)
    ppg.forget_job_status(given)
    assert beside("own") == []
    assert project.ran(build) == []


def test_a_store_that_a_run_holds_is_refused_naming_it(project: Project, scripts: Scripts) -> None:
    running = scripts.start(RUN)
    until(project.calls, "the job to begin")
    before = beside()
    with pytest.raises(ppg.JobContractError, match=f"process {running.pid} on "):
        ppg.forget_job_status()
    assert beside() == before
    Path("go").touch()
    assert running.wait() == 0
    ppg.forget_job_status()
    assert beside() == []


def test_so_is_one_that_this_process_holds(project: Project) -> None:
    def accept(old: int) -> bool:
        ppg.forget_job_status()
        return True

    def build(value: int) -> None:
        ppg.FileGeneratingJob("a", write()).depends_on(ppg.ParameterInvariant("p", value, accept))

    project.run(lambda: build(1))
    outcome = project.run(lambda: build(2))
    assert "in use by this very process" in str(outcome.exception("PIp"))
    assert project.ran(lambda: build(1)) == []


def test_and_one_whose_job_asks(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", lambda: ppg.forget_job_status()))
    assert f"process {os.getpid()} on " in str(outcome.exception("a"))


def test_what_a_killed_run_left_is_removed_whole(project: Project, scripts: Scripts) -> None:
    killed = scripts.start(RUN)
    until(project.calls, "the job to begin")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(beside()) > 1
    ppg.forget_job_status()
    assert beside() == []
    Path("go").touch()
    scripts.good(RUN)
    assert project.read("slow") == "x"


def test_a_log_that_lost_its_store_is_removed(project: Project, scripts: Scripts) -> None:
    killed = scripts.start(RUN)
    until(project.calls, "the job to begin")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    os.unlink(STORE)
    ppg.forget_job_status()
    assert beside() == []
    assert project.ran(build) == ["a", "b"]


def test_a_store_that_is_gone_under_a_living_run_is_its_own(project: Project, scripts: Scripts) -> None:
    running = scripts.start(RUN)
    until(project.calls, "the job to begin")
    os.rename(STORE, "aside")
    with pytest.raises(ppg.JobContractError, match=f"process {running.pid} on "):
        ppg.forget_job_status()
    os.rename("aside", STORE)
    Path("go").touch()
    assert running.wait() == 0


def test_a_damaged_store_is_removed(project: Project) -> None:
    project.run(build)
    os.truncate(STORE, 5000)
    with pytest.raises(ppg.PyPipeGraphError, match="damaged"):
        project.run(build)
    ppg.forget_job_status()
    assert beside() == []
    assert project.ran(build) == ["a", "b"]


def old_pickle() -> bytes:
    return pickle.dumps({"a": 1}, protocol=4)


def other_application() -> bytes:
    with closing(sqlite3.connect("other")) as connection:
        connection.execute("CREATE TABLE precious (x)")
        connection.commit()
    return Path("other").read_bytes()


def later_format() -> bytes:
    ppg.forget_job_status("later")
    ppg.new_pipegraph(quiet=True, invariant_status_filename="later")
    ppg.run()
    with closing(sqlite3.connect("later", isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 77")
    return Path("later").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (old_pickle, "pypipegraph 0.x"),
        (other_application, "another application"),
        (later_format, "format 77"),
        (lambda: b"my notes", "not an SQLite file"),
        (lambda: b"", "is empty"),
    ],
)
def test_what_is_not_ours_is_refused_and_kept(project: Project, content: object, said: str) -> None:
    assert callable(content)
    data = content()
    Path(STORE).write_bytes(data)
    with pytest.raises(ppg.JobContractError, match=said):
        ppg.forget_job_status(STORE)
    assert Path(STORE).read_bytes() == data


def test_a_directory_is_refused(project: Project) -> None:
    with pytest.raises(ppg.JobContractError, match="not a file"):
        ppg.forget_job_status(".")
