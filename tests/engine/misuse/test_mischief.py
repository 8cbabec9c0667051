"""Jobs that treat their process badly: "harms nothing but itself", and whoever still makes the output has succeeded."""

from __future__ import annotations

import atexit
import ctypes
import io
import multiprocessing
import os
import resource
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

FOREVER_S = 1000


class OnlyWrites:
    """A replacement of sys.stdout as many scripts have it."""

    def write(self, text: str) -> int:
        return len(text)


def run(project: Project, callback: Callable[[str], Any]) -> Outcome:
    """Beside others, before another one; nothing lives afterwards."""

    def build() -> None:
        job = ppg.FileGeneratingJob(project.path / "a", callback).ignore_code_changes()
        ppg.FileGeneratingJob("after", write()).depends_on(job)
        for name in ("one", "two"):
            ppg.FileGeneratingJob(name, write())

    outcome = project.run(build)
    assert {"one", "two"} <= set(outcome.ran)
    assert outcome.failed in ([], ["a"])
    assert pids_below(project.path) == [os.getpid()]
    return outcome


def replaces_streams(stream: Any) -> Callable[[], None]:
    def mischief() -> None:
        sys.stdout = sys.stderr = stream
        print("lost")

    return mischief


def closes_stdout() -> None:
    sys.stdout.close()


def prints_what_is_no_text() -> None:
    os.write(1, b"\xff\xfe\x80\n")
    print("\udcff\ud800")


def clears_the_environment() -> None:
    os.environ.clear()


def takes_all_rights_from_files() -> None:
    os.umask(0o777)


def ignores_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))


def leaves_a_pool() -> None:
    global POOL
    POOL = multiprocessing.Pool(2)
    POOL.map_async(time.sleep, [FOREVER_S] * 4)


def leaves_a_daemon_thread() -> None:
    threading.Thread(target=time.sleep, args=(FOREVER_S,), daemon=True).start()


def leaves_64_processes() -> None:
    """A bounded fork bomb."""
    me = os.getpid()
    for _ in range(6):
        os.fork()
    if os.getpid() != me:
        time.sleep(FOREVER_S)


def leaves_a_child_with_all_descriptors() -> None:
    subprocess.Popen(["sleep", str(FOREVER_S)], close_fds=False)


def leaves_a_daemon_that_ignores_everything() -> None:
    script = "trap '' TERM INT HUP; while true; do sleep 0.01; done"
    subprocess.Popen(["setsid", "sh", "-c", script], stdout=subprocess.DEVNULL)


def forgets_all_modules() -> None:
    sys.modules.clear()


def registers_something_for_the_end() -> None:
    atexit.register(os._exit, 3)


def becomes_no_subreaper_and_immortal() -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(36, 0, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    libc.prctl(1, 0, 0, 0, 0)  # PR_SET_PDEATHSIG


GOOD = [
    replaces_streams(None),
    replaces_streams(OnlyWrites()),
    replaces_streams(io.StringIO()),
    closes_stdout,
    prints_what_is_no_text,
    clears_the_environment,
    takes_all_rights_from_files,
    ignores_signals,
    leaves_a_pool,
    leaves_a_daemon_thread,
    leaves_64_processes,
    leaves_a_child_with_all_descriptors,
    leaves_a_daemon_that_ignores_everything,
    forgets_all_modules,
    registers_something_for_the_end,
    becomes_no_subreaper_and_immortal,
]


@pytest.mark.parametrize("mischief", GOOD, ids=lambda mischief: mischief.__qualname__.partition(".")[0])
def test_a_job_that_makes_its_output_all_the_same(project: Project, mischief: Callable[[], None]) -> None:
    if mischief is takes_all_rights_from_files and os.geteuid() != 0:
        pytest.skip("only root may read such a file; see test_permissions")

    def callback(path: Any) -> None:
        mischief()
        path.write_text("x")

    outcome = run(project, callback)
    assert outcome.failed == []
    assert project.read("a") == "x"


def kills_its_group() -> None:
    os.killpg(0, signal.SIGKILL)


def raises_an_alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(FOREVER_S)


def runs_out_of_time() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    while True:
        pass


def becomes_another_program() -> None:
    os.execlp("true", "true")


def reads_from_nowhere() -> None:
    ctypes.string_at(0)


@pytest.mark.parametrize(
    ("mischief", "words"),
    [
        (kills_its_group, "SIGKILL"),
        (raises_an_alarm, "SIGALRM"),
        (runs_out_of_time, "SIGXCPU"),
        (becomes_another_program, "exit code 0 without a result, as os._exit, exec"),
        (reads_from_nowhere, "SIGSEGV"),
    ],
)
def test_a_job_that_ends_itself(project: Project, mischief: Callable[[], None], words: str) -> None:
    def callback(path: Any) -> None:
        path.write_text("half")
        mischief()

    outcome = run(project, callback)
    assert (outcome.failed, outcome.pruned) == (["a"], ["after"])
    assert isinstance(outcome.exception("a"), ppg.JobDiedException)
    assert words in outcome.job("a").error_reason
    assert not Path("a").exists()


def exceed_a_limit_of_memory() -> None:
    """One above what this process has mapped already: for the libraries of earlier tests that can be many gigabytes."""
    mapped_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped_bytes + (1 << 30),) * 2)
    bytearray(1 << 31)


def needs_too_much_memory(path: Path) -> None:
    exceed_a_limit_of_memory()


def writes_too_large_a_file(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    path.write_text("x" * 5000)


def opens_too_many_files(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
    _ = [path.open("w") for _ in range(40)]


@pytest.mark.parametrize(
    ("callback", "error", "words"),
    [
        (needs_too_much_memory, MemoryError, "MemoryError"),
        (writes_too_large_a_file, OSError, "File too large"),
        (opens_too_many_files, OSError, "Too many open files"),
    ],
)
def test_limits_that_a_job_sets_itself(
    project: Project, callback: Callable[[Path], None], error: type[Exception], words: str
) -> None:
    outcome = run(project, callback)
    assert outcome.failed == ["a"]
    assert type(outcome.exception("a")) is error
    assert words in str(outcome.error)
    assert not Path("a").exists()


def test_the_output_is_looked_at_when_no_daemon_writes_any_more(project: Project) -> None:
    """A double fork with a session of its own, which goes on writing the output."""

    def callback(path: Path) -> None:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with path.open("w") as file:
                    while True:
                        file.write("more\n")
                        file.flush()
            os._exit(0)
        os.wait()
        until(lambda: path.exists() and path.stat().st_size > 100)

    assert run(project, callback).failed == []
    outcome = project.run(lambda: ppg.FileGeneratingJob(project.path / "a", callback).ignore_code_changes())
    assert (outcome.ran, outcome.warnings()) == ([], []), "it is as it was recorded"


def test_a_gigabyte_on_stdout_is_cut(project: Project) -> None:
    def callback(path: Path) -> None:
        block = b"x" * (1 << 20)
        for _ in range(1024):
            os.write(1, block)
        os.write(1, b"the end")
        path.write_text("x")

    outcome = run(project, callback)
    assert outcome.failed == []
    assert outcome.job("a").stdout.endswith("xthe end")
    assert len(outcome.job("a").stdout) < 1_000_000


def test_a_pool_in_a_job_works(project: Project) -> None:
    def callback(path: Path) -> None:
        with multiprocessing.Pool(2) as pool:
            path.write_text(str(sum(pool.map(abs, range(-100, 0)))))

    assert run(project, callback).failed == []
    assert project.read("a") == "5050"


def test_more_memory_than_declared_is_told(project: Project) -> None:
    def callback(path: Path) -> None:
        path.write_text(str(len(bytearray(64 << 20))))

    def build() -> None:
        ppg.FileGeneratingJob(Path("a"), callback).memory_needed = 1 << 20
        ppg.FileGeneratingJob("modest", write()).memory_needed = 1 << 30

    outcome = project.run(build)
    assert outcome.failed == []
    (warning,) = outcome.warnings()
    assert "FileGeneratingJob('a') took " in warning
    assert "but its memory_needed is 1048576. Raise it" in warning


SCRIBBLES = """
def scribble(path):
    for fd in range(3, 100):
        try:
            os.set_blocking(fd, False)
            os.write(fd, b"garbage" * 1000)
            os.lseek(fd, 0, os.SEEK_SET)
            os.write(fd, b"garbage" * 1000)
        except OSError:
            pass
    Path(path).write_text("x")

ppg.new_pipegraph(quiet=True)
bad = ppg.FileGeneratingJob("bad", scribble)
jobs = [ppg.FileGeneratingJob(name, write()).depends_on(bad) for name in "abc"]
ppg.run()
print(sum(job.was_run for job in (bad, *jobs)))
"""


def test_a_job_that_writes_into_all_descriptors_that_it_finds(project: Project, scripts: Scripts) -> None:
    """As a program does that closed one too many: the status store is not among them."""
    assert scripts.good(SCRIBBLES) == "4\n"
    assert scripts.good(SCRIBBLES) == "0\n"
