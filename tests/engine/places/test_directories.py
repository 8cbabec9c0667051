"""Where the process stands when it builds and when it runs, and a working directory that can't be used."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, copy, fail, write
from ..scripts import PATIENCE_S, Scripts, until


def test_the_script_may_go_elsewhere_between_building_and_running(project: Project) -> None:
    """All relative paths are relative to where `new_pipegraph()` was called: jobs, inputs, store, logs, cache."""
    Path("in").write_text("input")
    Path("in2").touch()
    Path("elsewhere").mkdir()

    def build() -> None:
        ppg.FileGeneratingJob("a", copy("in")).depends_on_file("in")
        ppg.FileGeneratingJob("b", write()).depends_on(ppg.FileTimeInvariant("in2"))
        cached = ppg.CachedDataLoadingJob("cache/c", lambda: os.getcwd(), lambda value: None)
        ppg.FileGeneratingJob("d", lambda path: write(os.getcwd())(path)).depends_on(cached)
        ppg.JobGeneratingJob("make", lambda: ppg.FileGeneratingJob("made", lambda path: write(os.getcwd())(path)))
        ppg.DataLoadingJob("load", lambda: None)
        os.chdir("elsewhere")

    for expected in (["a", "b", "cache/c", "d", "made", "make"], ["make"]):
        graph = ppg.new_pipegraph(quiet=True)
        build()
        ppg.run()
        assert os.getcwd() == str(project.path / "elsewhere"), "the script stays where it went"
        os.chdir(project.path)
        ran = {job.job_id for job in graph.jobs.values() if job.was_run and not isinstance(job, ppg.FunctionInvariant)}
        assert sorted(ran & {"a", "b", "cache/c", "d", "made", "make"}) == expected
    assert os.listdir("elsewhere") == []
    assert project.read("d") == project.read("made") == str(project.path)
    assert project.read("a") == "input"


def test_a_pipegraph_in_a_deleted_directory_is_refused_at_once(project: Project) -> None:
    Path("gone").mkdir()
    os.chdir("gone")
    os.rmdir(project.path / "gone")
    with pytest.raises(ppg.PyPipeGraphError, match=r"working directory.*does not exist any more.*cd"):
        ppg.new_pipegraph(quiet=True)
    os.chdir(project.path)
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == ["a"]


def test_a_directory_that_is_deleted_before_the_run(project: Project) -> None:
    Path("gone").mkdir()
    os.chdir("gone")
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", write())
    os.chdir(project.path)
    shutil.rmtree("gone")
    with pytest.raises(ppg.PyPipeGraphError, match="gone"):
        ppg.run()


def test_the_script_may_stand_in_a_deleted_directory_when_it_runs(project: Project) -> None:
    """It is not where the jobs run."""
    ppg.new_pipegraph(quiet=True)
    job = ppg.FileGeneratingJob("a", write())
    Path("gone").mkdir()
    os.chdir("gone")
    os.rmdir(project.path / "gone")
    ppg.run()
    assert job.was_run
    os.chdir(project.path)
    assert Path("a").exists()


def as_nobody(action: Callable[[], None]) -> int:
    """Call it in a child without privileges; its exit code, 0 if nothing was raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            action()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("mode", [0o555, 0o000, 0o111, 0o444], ids=oct)
def test_a_directory_without_permissions(project: Project, mode: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing can be stored there: refused, naming the directory; nothing is left behind."""
    place = Path("/tmp") / f"ppg-test-{os.getpid()}-{mode}"
    place.mkdir()
    os.chown(place, 65534 if os.geteuid() == 0 else -1, -1)
    os.chdir(place)
    place.chmod(mode)

    def attempt() -> None:
        ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("a", write())
        with pytest.raises(ppg.PyPipeGraphError, match=place.name):
            ppg.run()

    try:
        assert as_nobody(attempt) == 0
    finally:
        os.chdir(project.path)
        place.chmod(0o700)
        left = os.listdir(place)
        shutil.rmtree(place)
    assert left == []


def test_a_directory_that_cannot_be_listed_will_do(project: Project) -> None:
    place = Path("/tmp") / f"ppg-test-{os.getpid()}-unlisted"
    place.mkdir()
    os.chown(place, 65534 if os.geteuid() == 0 else -1, -1)
    os.chdir(place)
    place.chmod(0o300)

    def attempt() -> None:
        for expected in (True, False):
            ppg.new_pipegraph(quiet=True)
            job = ppg.FileGeneratingJob("a", write())
            ppg.run()
            assert job.was_run == expected

    try:
        assert as_nobody(attempt) == 0
    finally:
        os.chdir(project.path)
        place.chmod(0o700)
        shutil.rmtree(place)


def test_pipegraphs_one_after_another_in_several_directories(project: Project) -> None:
    for folder, good in (("one", True), ("two", False), ("one", True), ("two", True)):
        Path(folder).mkdir(exist_ok=True)
        os.chdir(folder)
        graph = ppg.new_pipegraph(quiet=True)
        ppg.FileGeneratingJob("a", write(folder))
        ppg.FileGeneratingJob("b", write() if good else fail)
        if good:
            ppg.run()
        else:
            with pytest.raises(ppg.RuntimeError):
                ppg.run()
        assert graph.directory == Path.cwd()
        os.chdir(project.path)
    assert (project.read("one/a"), project.read("two/a"), project.read("two/b")) == ("one", "two", "x")


def test_a_pipegraph_that_is_made_again_before_it_ran_starts_empty(project: Project) -> None:
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("old", write())
    second = ppg.new_pipegraph(quiet=True)
    assert dict(second.jobs) == {}
    ppg.FileGeneratingJob("new", write())
    ppg.run()
    assert Path("new").exists()
    assert not Path("old").exists()


def test_after_ctrl_c_the_script_goes_on_in_another_directory(project: Project, scripts: Scripts) -> None:
    Path("other").mkdir()
    script = scripts.start(
        """
def slow(path):
    tell("reached")
    wait_for("never")

ppg.new_pipegraph(interactive=False)
ppg.FileGeneratingJob("first", write())
ppg.FileGeneratingJob("slow", slow).depends_on(ppg.util.global_pipegraph.jobs["first"])
try:
    ppg.run()
except KeyboardInterrupt:
    os.chdir("other")
    ppg.new_pipegraph(interactive=False)
    ppg.FileGeneratingJob("a", write("after"))
    ppg.run()
"""
    )
    until(lambda: project.calls() == ["reached"], "the job")
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PATIENCE_S)
    assert script.returncode == 0, err
    assert project.read("other/a") == "after"
    assert Path("first").exists()
    assert not Path("slow").exists()
