"""Jobs that end without an answer: signals, `os._exit`, `sys.exit`; and what they may do without harm to others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Project, write
from ..scripts import pids_below

NOTICED_WITHIN_S = 9.0
"""Below the least patience of the engine with what does not end, 10 s. The end of the run, which waits for the disk, is
in it; the benchmark shows milliseconds."""


def die(how: Any) -> Any:
    def callback(path: str) -> None:
        Path(path).write_text("half")
        Path("died").write_text(str(time.monotonic()))
        how()

    return callback


SIGNALS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGFPE]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_is_noticed_at_once_and_named(project: Project, number: signal.Signals) -> None:
    def build() -> None:
        bad = ppg.FileGeneratingJob("a", die(lambda: os.kill(os.getpid(), number)))
        ppg.FileGeneratingJob("after", write()).depends_on(bad)

    outcome = project.run(build)
    assert time.monotonic() - float(project.read("died")) < NOTICED_WITHIN_S
    assert (outcome.failed, outcome.pruned) == (["a"], ["after"])
    error = outcome.exception("a")
    assert isinstance(error, ppg.JobDiedException)
    assert error.signal == number
    assert number.name in str(error)
    assert number.name in str(outcome.error)
    assert not Path("a").exists()


def test_abort_too(project: Project) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", die(os.abort)))
    assert outcome.exception("a").signal == signal.SIGABRT


@pytest.mark.parametrize("code", [0, 1, 77])
def test_os_exit_is_no_success_whatever_the_code(project: Project, code: int) -> None:
    """The output may be half-written: nobody checked it."""
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", die(lambda: os._exit(code))))
    error = outcome.exception("a")
    assert isinstance(error, ppg.JobDiedException)
    assert error.exit_code == code
    assert not Path("a").exists()


@pytest.mark.parametrize("code", [1, "some words"])
def test_sys_exit_with_a_code_is_a_failure(project: Project, code: Any) -> None:
    outcome = project.run(lambda: ppg.FileGeneratingJob("a", die(lambda: sys.exit(code))))
    assert isinstance(outcome.exception("a"), SystemExit)
    assert outcome.exception("a").code == code
    assert not Path("a").exists()


def test_sys_exit_without_a_code_is_a_return(project: Project) -> None:
    assert project.run(lambda: ppg.FileGeneratingJob("a", die(lambda: sys.exit(0)))).failed == []
    assert project.read("a") == "half"


def test_rename_broken_works_for_a_killed_job(project: Project) -> None:
    callback = die(lambda: os.kill(os.getpid(), signal.SIGKILL))
    project.run(lambda: ppg.FileGeneratingJob("a", callback, rename_broken=True))
    assert project.read("a.broken") == "half"
    assert not Path("a").exists()


def test_stdout_of_a_killed_job_is_told(project: Project) -> None:
    def callback() -> None:
        os.write(1, b"last words\n")
        os.kill(os.getpid(), signal.SIGKILL)

    outcome = project.run(lambda: ppg.FileGeneratingJob("a", callback))
    assert outcome.job("a").stdout == "last words\n"
    assert "last words" in project.read("logs/ppg_errors.txt")


def closes_everything() -> None:
    os.closerange(0, 1000)


def reads_stdin() -> None:
    assert sys.stdin.read() == ""


def masks_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))


def changes_directory() -> None:
    os.chdir("/")


def starts_a_daemon() -> None:
    script = "while true; do echo more >> daemon; sleep 0.01; done"
    subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)


def forks_without_exec() -> None:
    if os.fork() == 0:
        os.setsid()
        while True:
            time.sleep(1)


@pytest.mark.parametrize(
    "mischief", [reads_stdin, masks_signals, changes_directory, starts_a_daemon, forks_without_exec]
)
def test_mischief_harms_nobody(project: Project, mischief: Any) -> None:
    """ "…harms nothing but itself; what it leaves running is killed before its outputs are looked at.\""""
    target = project.path / "a"

    def callback(path: str) -> None:
        mischief()
        target.write_text("x")

    def build() -> None:
        for name in "bcd":
            ppg.FileGeneratingJob(name, write())
        after = ppg.FileGeneratingJob("e", lambda path: Path(path).write_text(str(len(pids_below(project.path)))))
        after.depends_on(ppg.FileGeneratingJob("a", callback))

    outcome = project.run(build)
    assert outcome.failed == []
    assert project.read("a") == "x"
    assert pids_below(project.path) == [os.getpid()], "nothing lives any more"


def test_a_job_that_closes_all_descriptors_harms_only_itself(project: Project) -> None:
    def callback(path: str) -> None:
        closes_everything()
        Path(path).write_text("x")

    def build() -> None:
        ppg.FileGeneratingJob("a", callback)
        for name in "bcd":
            ppg.FileGeneratingJob(name, write())

    outcome = project.run(build)
    assert outcome.failed in ([], ["a"])
    assert {"b", "c", "d"} <= set(outcome.ran)
