"""Loads that leave their process in a mess: it becomes the one that all later jobs are forked from."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg

from ..project import Outcome, Project, write
from ..scripts import Scripts, pids_below, until
from .test_mischief import exceed_a_limit_of_memory

DATA: dict[str, Any] = {}
FOREVER_S = 1000


def run(project: Project, mischief: Callable[[], None], failed: bool = False) -> Outcome:
    """The mischief in a load, another load after it, and jobs that need none, one or both."""

    def load() -> None:
        mischief()
        DATA["first"] = "1"

    def show(*names: str) -> Callable[[str], None]:
        def callback(path: str) -> None:
            (project.path / path).write_text("".join(DATA[name] for name in names))

        return callback

    def build() -> None:
        first = ppg.DataLoadingJob("first", load).ignore_code_changes()
        second = ppg.DataLoadingJob("second", lambda: DATA.__setitem__("second", "2")).depends_on(first)
        ppg.FileGeneratingJob("a", show("first")).depends_on(first)
        ppg.FileGeneratingJob("b", show("first", "second")).depends_on(second)
        ppg.FileGeneratingJob("aside", write())

    outcome = project.run(build)
    assert outcome.failed == (["first"] if failed else [])
    assert outcome.pruned == (["a", "b", "second"] if failed else [])
    assert "aside" in outcome.ran
    assert DATA == {}, "nothing of it reaches the script"
    assert pids_below(project.path) == [os.getpid()]
    if not failed:
        assert (project.read("a"), project.read("b")) == ("1", "12")
    return outcome


def blocks_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))


def ignores_signals() -> None:
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def takes_the_wakeup_descriptor() -> None:
    signal.set_wakeup_fd(os.pipe2(os.O_NONBLOCK)[1])


def changes_directory_and_umask() -> None:
    os.chdir("/")
    os.umask(0o777)


def clears_the_environment() -> None:
    os.environ.clear()


def leaves_a_daemon_thread() -> None:
    threading.Thread(target=time.sleep, args=(FOREVER_S,), daemon=True).start()


def leaves_a_thread() -> None:
    threading.Thread(target=time.sleep, args=(FOREVER_S,)).start()


def leaves_a_child() -> None:
    subprocess.Popen(["sleep", str(FOREVER_S)])


def comes_back_twice() -> None:
    os.fork()


def has_no_streams() -> None:
    sys.stdout = sys.stderr = None  # type: ignore[assignment]


def has_odd_streams() -> None:
    sys.stdout = sys.stderr = object()  # type: ignore[assignment]


def forgets_all_modules() -> None:
    sys.modules.clear()


@pytest.mark.parametrize(
    "mischief",
    [
        blocks_signals,
        ignores_signals,
        takes_the_wakeup_descriptor,
        changes_directory_and_umask,
        clears_the_environment,
        leaves_a_daemon_thread,
        leaves_a_thread,
        leaves_a_child,
        comes_back_twice,
        has_no_streams,
        has_odd_streams,
        forgets_all_modules,
    ],
)
def test_a_load_that_loads_all_the_same(project: Project, mischief: Callable[[], None]) -> None:
    run(project, mischief)


def test_a_timer_of_a_load_ends_with_it(project: Project) -> None:
    """It would end the data process, and the job with it. (A load that gets no core for so long is ended by it.)"""
    alarm_s = 2.0

    def load() -> None:
        signal.setitimer(signal.ITIMER_REAL, alarm_s)
        DATA["alarm at"] = time.monotonic() + alarm_s

    def late(path: str) -> None:
        until(lambda: time.monotonic() > DATA["alarm at"] + 0.5, "the time of the alarm, and a while more")
        Path(path).write_text("x")

    outcome = project.run(lambda: ppg.FileGeneratingJob("a", late).depends_on(ppg.DataLoadingJob("load", load)))
    assert (outcome.failed, outcome.ran) == ([], ["a", "load"])
    assert "went down with its compute slave" not in outcome.log


def closes_all_descriptors() -> None:
    os.closerange(0, 1000)


def reads_from_nowhere() -> None:
    ctypes.string_at(0)


def leaves_without_a_word() -> None:
    os._exit(0)


def leaves_with_a_word() -> None:
    sys.exit("text")


def kills_its_group() -> None:
    os.killpg(0, signal.SIGKILL)


@pytest.mark.parametrize(
    ("mischief", "words"),
    [
        (closes_all_descriptors, "Bad file descriptor"),
        (reads_from_nowhere, "SIGSEGV"),
        (leaves_without_a_word, "exit code 0 without a result"),
        (leaves_with_a_word, "SystemExit: text"),
        (exceed_a_limit_of_memory, "MemoryError"),
        (kills_its_group, "SIGKILL"),
    ],
)
def test_a_load_that_fails_takes_its_dependants_along_and_nobody_else(
    project: Project, mischief: Callable[[], None], words: str
) -> None:
    assert words in run(project, mischief, failed=True).job("first").error_reason


def test_a_limit_of_the_script_ends_the_load_that_exceeds_it(project: Project, scripts: Scripts) -> None:
    said = scripts.good("""
import resource
DATA = {}
def load():
    DATA["big"] = bytearray(1 << 32)
ppg.new_pipegraph(quiet=True)
ppg.FileGeneratingJob("a", write()).depends_on(ppg.DataLoadingJob("load", load))
ppg.FileGeneratingJob("aside", write())
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
try:
    ppg.run()
except ppg.RuntimeError as error:
    print([(f.job_id, type(f.exception).__name__) for f in error.failures], error.pruned)
""")
    assert said == "[('load', 'MemoryError')] ('a',)\n"
    assert project.read("aside") == "x"


def test_numeric_threads_of_a_load_do_not_hang_its_jobs(project: Project) -> None:
    numpy = pytest.importorskip("numpy")

    def load() -> None:
        matrix = numpy.ones((300, 300))
        DATA["matrix"] = matrix @ matrix

    def show(path: str) -> None:
        product = DATA["matrix"] @ DATA["matrix"]
        Path(path).write_text(str(int(product[0, 0])))

    def build() -> None:
        loading = ppg.DataLoadingJob("load", load)
        for name in "abcd":
            ppg.FileGeneratingJob(name, show).depends_on(loading)

    assert project.ran(build) == ["a", "b", "c", "d", "load"]
    assert {project.read(name) for name in "abcd"} == {str(300**3)}


def test_a_generator_may_leave_a_mess_as_well(project: Project) -> None:
    def build() -> None:
        def generate() -> None:
            blocks_signals()
            changes_directory_and_umask()
            has_odd_streams()
            ppg.FileGeneratingJob("new", write())

        ppg.JobGeneratingJob("generator", generate)

    assert project.ran(build) == ["generator", "new"]
    assert os.stat("new").st_mode & 0o777, "the umask is that of the script"
