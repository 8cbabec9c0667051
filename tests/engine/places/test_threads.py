"""Beside other threads, in another thread than the main one, inside an event loop, with pools of processes around."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import pypipegraph as ppg

from ..project import Project, assert_no_children, fail, write
from ..scripts import PATIENCE_S, Scripts, until

CHAIN = """
def build():
    def second(path):
        tell("reached")
        wait_for("go")
        Path(path).write_text("second")

    ppg.new_pipegraph()
    first = ppg.FileGeneratingJob("first", write("first"))
    ppg.FileGeneratingJob("second", second).depends_on(first)
"""


def build() -> None:
    class Store: ...

    store = Store()
    load = ppg.AttributeLoadingJob("load", store, "value", lambda: 6 * 7)
    ppg.FileGeneratingJob("a", lambda path: write(str(store.value))(path)).depends_on(load)
    ppg.JobGeneratingJob("make", lambda: ppg.FileGeneratingJob("made", write()))


def test_a_run_in_another_thread_that_ends_with_it(project: Project) -> None:
    """Children are told to die with the *thread* that forked them (PR_SET_PDEATHSIG), so each must fork its own."""
    outcomes = []

    def target() -> None:
        outcomes.append(project.ran(build))

    for _ in range(2):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert outcomes == [["a", "load", "made", "make"], ["make"]]
    assert project.read("a") == "42"


def test_failures_are_raised_in_the_thread_that_ran(project: Project) -> None:
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(project.run, lambda: ppg.FileGeneratingJob("a", fail)).result()
    assert outcome.failed == ["a"]


def test_ctrl_c_does_not_reach_a_run_in_another_thread(project: Project, scripts: Scripts) -> None:
    """Python gives it to the main thread, which may wait for the run."""
    script = scripts.start(
        CHAIN
        + """
import threading
build()
thread = threading.Thread(target=ppg.run)
thread.start()
try:
    thread.join()
except KeyboardInterrupt:
    tell("interrupted")
thread.join()
"""
    )
    until(lambda: project.calls() == ["reached"], "the job")
    os.kill(script.pid, signal.SIGINT)
    until(lambda: project.calls() == ["reached", "interrupted"], "the main thread")
    Path("go").touch()
    assert script.wait(timeout=PATIENCE_S) == 0
    assert project.read("second") == "second"


def test_a_daemon_thread_that_the_interpreter_leaves_behind(project: Project, scripts: Scripts) -> None:
    """The process ends in mid-run: nothing of the run is left, and the next one resumes."""
    scripts.good(CHAIN + "\nimport threading\nbuild()\nthreading.Thread(target=ppg.run, daemon=True).start()\n"
                 "wait_for('calls')")  # fmt: skip
    until(lambda: scripts.processes() == [], "the end of the run's processes")
    assert not Path("second").exists()
    Path("go").touch()
    scripts.good(CHAIN + "\nbuild()\nppg.run()")
    assert project.read("second") == "second"


def test_busy_threads_beside_the_run(project: Project) -> None:
    """They hold locks at the moment of the fork; the jobs must not need these."""
    import logging

    stop = threading.Event()

    def work() -> None:
        logger = logging.getLogger("beside")
        while not stop.is_set():
            logger.debug("x")
            os.environ["BESIDE"] = "x"
            print("", end="")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert project.ran(lambda: [ppg.FileGeneratingJob(f"{n}", talkative) for n in range(20)])
        assert all(thread.is_alive() for thread in threads)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def talkative(path: str) -> None:
    import logging

    print("hello")
    logging.getLogger("beside").warning("hello")
    write()(path)


def test_inside_a_running_event_loop(project: Project) -> None:
    async def main() -> list[list[str]]:
        here = project.ran(build)
        elsewhere = await asyncio.to_thread(project.ran, build)
        await asyncio.sleep(0)
        return [here, elsewhere]

    assert asyncio.run(main()) == [["a", "load", "made", "make"], ["make"]]


def test_ctrl_c_inside_an_event_loop(project: Project, scripts: Scripts) -> None:
    script = scripts.start(
        CHAIN
        + """
import asyncio

async def main():
    build()
    ppg.run()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    tell("interrupted")
    raise
"""
    )
    until(lambda: project.calls() == ["reached"], "the job")
    os.kill(script.pid, signal.SIGINT)
    _, err = script.communicate(timeout=PATIENCE_S)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert project.calls() == ["reached", "interrupted"]
    assert scripts.processes() == []


def test_jobs_may_use_an_event_loop_of_their_own(project: Project) -> None:
    async def answer() -> str:
        process = await asyncio.create_subprocess_exec("echo", "42", stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0].decode().strip()

    async def main() -> None:
        project.ran(lambda: ppg.FileGeneratingJob("a", lambda path: write(asyncio.run(answer()))(path)))

    asyncio.run(main())
    assert project.read("a") == "42"


POOLS = """
import multiprocessing, concurrent.futures

def square(n):
    return n * n

def with_pool(path, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        Path(path).write_text(str(sum(pool.map(square, range(10)))))

def with_executor(path, method):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        Path(path).write_text(str(sum(pool.map(square, range(10)))))

def main(method):
    pool = multiprocessing.get_context(method).Pool(2)
    executor = concurrent.futures.ProcessPoolExecutor(2)
    assert pool.map(square, [3]) == list(executor.map(square, [3])) == [9]
    ppg.new_pipegraph()
    ppg.FileGeneratingJob("pool", lambda path: with_pool(path, method))
    ppg.FileGeneratingJob("executor", lambda path: with_executor(path, method))
    load = ppg.DataLoadingJob("load", lambda: with_pool("loaded", method))
    ppg.FileGeneratingJob("after", write()).depends_on(load)
    ppg.run()
    assert pool.map(square, [4]) == list(executor.map(square, [4])) == [16], "the pools of the script go on working"
    executor.shutdown()
    pool.close()
    pool.join()

if __name__ == "__main__":
    main({method!r})
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_before_and_in_jobs(project: Project, scripts: Scripts, method: str) -> None:
    scripts.good(POOLS.replace("{method!r}", repr(method)))
    assert [project.read(name) for name in ("pool", "executor", "loaded", "after")] == ["285", "285", "285", "x"]
    until(lambda: scripts.processes() == [], "the end of all processes")


def test_a_run_in_a_child_of_multiprocessing(project: Project) -> None:
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(in_child, project).result() == ["a"]
    assert project.ran(lambda: ppg.FileGeneratingJob("a", write())) == []


def in_child(project: Project) -> list[str]:
    ran = project.ran(lambda: ppg.FileGeneratingJob("a", write()))
    assert_no_children()
    return ran


def test_children_of_the_script_are_left_to_it(project: Project) -> None:
    """The run reaps its own processes only."""
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT), "the child's end")
    ppg.new_pipegraph(quiet=True)
    ppg.FileGeneratingJob("a", write())
    ppg.run()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_script_that_ignores_sigchld(project: Project) -> None:
    """The kernel reaps its children then: how they ended is not to be known."""
    former = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert project.ran(build) == ["a", "load", "made", "make"]
        assert project.run(lambda: ppg.FileGeneratingJob("bad", fail)).failed == ["bad"]
        assert project.ran(build) == ["make"]
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, former)


def test_a_thread_that_reaps_whatever_ends(project: Project, scripts: Scripts) -> None:
    said = scripts.good(
        CHAIN
        + """
import threading

def reap():
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.001)

threading.Thread(target=reap, daemon=True).start()
Path("go").touch()
build()
ppg.run()
print(Path("second").read_text())
"""
    )
    assert said == "second\n"
