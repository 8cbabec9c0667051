"""Job processes over a real link: what a callback may do, and what is said about it."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import xxhash
from cs_mcp import PATIENCE_S, Mcp, file_task, is_alive

from ppg_cs import cores, oom
from ppg_cs.tasks import FileTask, Task
from ppg_protocol.messages import Cancel, Finished, Retract, Retracted, Started
from ppg_protocol.records import AwaitedFile, Outcome


class Odd(Exception):
    """Pickles, but does not load again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Finished]:
    """Runs one callback as a job with the output `out`, in a session of its own."""

    def go(callback: Callable[..., Any], **options: Any) -> Finished:
        run_options = {k: options.pop(k) for k in ("cores", "await_files") if k in options}
        mcp_options = {k: options.pop(k) for k in ("tail_bytes", "output_cap_bytes", "await_files_s") if k in options}
        with Mcp(tmp_path, [file_task(tmp_path / "out", callback, **options)], **mcp_options) as mcp:
            return mcp.finish(0, **run_options)

    return go


def write(path: str) -> None:
    Path(path).write_text("x")


def test_a_good_job_is_reported_with_its_file(run: Callable[..., Finished], tmp_path: Path) -> None:
    done = run(write)
    facts = os.stat(tmp_path / "out")
    assert done.outcome == Outcome.OK
    assert done.failure is None
    (stat,) = done.files
    assert (stat.size_bytes, stat.mtime_ns, stat.inode) == (1, facts.st_mtime_ns, facts.st_ino)
    assert stat.digest == xxhash.xxh3_128_digest(b"x")
    assert done.usage.runtime_s > 0


def test_a_large_output_is_hashed_in_pieces(run: Callable[..., Finished], tmp_path: Path) -> None:
    content = random.Random(1).randbytes(5_000_001)
    done = run(lambda path: Path(path).write_bytes(content))
    assert done.files[0].digest == xxhash.xxh3_128_digest(content)


def test_an_exception_travels_whole_and_the_output_goes(run: Callable[..., Finished], tmp_path: Path) -> None:
    def fail(path: str) -> None:
        write(path)
        print("to stdout")
        print("to stderr", file=sys.stderr)
        raise ValueError("what", 7)

    done = run(fail)
    assert done.outcome == Outcome.EXCEPTION
    assert done.failure is not None
    assert done.failure.type_name == "ValueError"
    error = pickle.loads(done.failure.pickled)
    assert isinstance(error, ValueError)
    assert error.args == ("what", 7)
    assert done.failure.traceback.startswith("Traceback")
    assert "in fail" in done.failure.traceback
    assert "job_process.py" not in done.failure.traceback
    assert (done.stdout, done.stderr) == (b"to stdout\n", b"to stderr\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("make", "pickled"), [(lambda: Odd(1, 2), False), (Mute, True)])
def test_odd_exceptions_are_reported_as_well_as_can_be(
    run: Callable[..., Finished], make: Callable[[], Exception], pickled: bool
) -> None:
    def fail(path: str) -> None:
        raise make()

    done = run(fail)
    assert done.failure is not None
    assert done.failure.type_name == type(make()).__name__
    assert bool(done.failure.pickled) == pickled


def test_rename_broken_keeps_what_was_written(run: Callable[..., Finished], tmp_path: Path) -> None:
    def fail(path: str) -> None:
        write(path)
        raise ValueError

    run(fail, rename_broken=True)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.broken").read_text() == "x"


@pytest.mark.parametrize("code", [None, 0])
def test_sys_exit_without_a_code_is_a_return(run: Callable[..., Finished], code: int | None) -> None:
    def leave(path: str) -> None:
        write(path)
        sys.exit(code)

    assert run(leave).outcome == Outcome.OK


def test_sys_exit_with_a_code_is_an_exception(run: Callable[..., Finished]) -> None:
    def leave(path: str) -> None:
        write(path)
        sys.exit(3)

    done = run(leave)
    assert done.outcome == Outcome.EXCEPTION
    assert done.failure is not None
    assert (done.failure.type_name, done.failure.exit_code) == ("SystemExit", 3)


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (lambda path: None, "did not create"),
        (lambda path: Path(path).write_text(""), "empty"),
        (lambda path: os.mkdir(path), "not a regular file"),
        (lambda path: os.mkfifo(path), "not a regular file"),
    ],
)
def test_a_broken_contract_is_named(run: Callable[..., Finished], callback: Callable[..., Any], words: str) -> None:
    done = run(callback)
    assert done.outcome == Outcome.EXCEPTION
    assert done.failure is not None
    assert done.failure.type_name == "JobContractError"
    assert words in done.failure.text
    assert "out" in done.failure.text


def test_an_empty_output_may_be_allowed(run: Callable[..., Finished]) -> None:
    assert run(lambda path: Path(path).touch(), empty_ok=True).outcome == Outcome.OK


def test_an_old_output_is_unlinked_right_before_the_callback(run: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    seen: list[bool] = []

    def look(path: str) -> None:
        Path(path).write_text(str(os.path.exists(path)))

    run(look)
    assert (tmp_path / "out").read_text() == "False"
    assert seen == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGTERM])
def test_a_job_killed_by_a_signal_is_noticed_at_once(tmp_path: Path, number: signal.Signals) -> None:
    died_at = tmp_path / "died_at"

    def die(path: str) -> None:
        write(path)
        died_at.write_text(repr(time.monotonic()))
        os.kill(os.getpid(), number)
        signal.pause()

    with Mcp(tmp_path, [file_task(tmp_path / "out", die)]) as mcp:
        done = mcp.finish(0)
        noticed_s = time.monotonic() - float(died_at.read_text())
    assert done.outcome == Outcome.SIGNAL
    assert done.failure is not None
    assert done.failure.signal == number
    assert number.name in done.failure.text
    assert not (tmp_path / "out").exists()
    assert noticed_s < 2.0


@pytest.mark.parametrize("code", [0, 5])
def test_os_exit_is_no_success(run: Callable[..., Finished], tmp_path: Path, code: int) -> None:
    def leave(path: str) -> None:
        write(path)
        os._exit(code)

    done = run(leave, rename_broken=True)
    assert done.outcome == Outcome.EXIT
    assert done.failure is not None
    assert done.failure.exit_code == code
    assert (tmp_path / "out.broken").exists()


def test_a_job_that_dies_before_its_callback_touches_nothing(run: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    missing = AwaitedFile(str(tmp_path / "elsewhere"), 1, 1)
    done = run(write, await_files=(missing,), await_files_s=0.05)
    assert done.outcome == Outcome.EXCEPTION
    assert done.failure is not None
    assert "elsewhere" in done.failure.text
    assert (tmp_path / "out").read_text() == "old"


def test_awaited_files_that_are_as_announced_are_no_obstacle(run: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("abc")
    facts = os.stat(tmp_path / "elsewhere")
    assert run(write, await_files=(AwaitedFile(str(tmp_path / "elsewhere"), 3, facts.st_mtime_ns),)).outcome == 0


def test_closing_all_descriptors_harms_nothing(run: Callable[..., Finished]) -> None:
    def close_all(path: str) -> None:
        write(path)
        os.closerange(0, 4096)

    assert run(close_all).outcome == Outcome.OK


def test_gigabytes_on_stdout_are_cut_in_the_middle(run: Callable[..., Finished]) -> None:
    def shout(path: str) -> None:
        sys.stdout.write("begin\n")
        for _ in range(100):
            sys.stdout.write("y" * 999_999 + "\n")
        sys.stdout.write("end\n")
        sys.stdout.flush()
        facts = os.fstat(1)
        deadline = time.monotonic() + PATIENCE_S
        while os.fstat(1).st_blocks * 512 > 2 << 20:
            assert time.monotonic() < deadline, os.fstat(1).st_blocks
            signal.sigtimedwait((), 0.01)
        assert facts.st_size > 100_000_000
        write(path)

    done = run(shout, output_cap_bytes=1 << 20, tail_bytes=1000)
    assert done.outcome == Outcome.OK, done.failure
    assert len(done.stdout) == 1000
    assert done.stdout.endswith(b"end\n")


def test_stdin_is_empty_and_the_directory_is_the_projects(run: Callable[..., Finished], tmp_path: Path) -> None:
    def look(path: str) -> None:
        Path(path).write_text(repr((sys.stdin.read(), os.getcwd())))
        os.chdir("/")

    assert run(look).outcome == Outcome.OK
    assert (tmp_path / "out").read_text() == repr(("", str(tmp_path)))
    assert os.getcwd() != str(tmp_path)


def test_signals_cores_and_variables_are_those_of_a_fresh_process(tmp_path: Path) -> None:
    def look(path: str) -> None:
        names = ("PPG_CORES", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")
        seen = (
            signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
            signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
            signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set(),
            os.getsid(0) == os.getpid(),
            cores.current(),
            tuple(os.environ[name] for name in names),
            bool(os.environ["PPG_SESSION"]),
            os.environ["PPG_ATTEMPT"],
        )
        Path(path).write_text(repr(seen))

    old = signal.signal(signal.SIGTERM, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        tasks: list[Task] = [file_task(tmp_path / "out", look)]
        with Mcp(tmp_path, tasks, cores=3) as mcp:
            end = mcp.finish(0, cores=2)
            assert (end.outcome, end.cores) == (Outcome.OK, 2)
    finally:
        signal.signal(signal.SIGTERM, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
    assert (tmp_path / "out").read_text() == repr((True, True, True, True, 2, ("2",) * 3, True, "1"))


def test_a_job_is_taken_for_want_of_memory_before_the_data_is(tmp_path: Path) -> None:
    def look(path: str) -> None:
        def score(who: object) -> str:
            return Path(f"/proc/{who}/oom_score_adj").read_text().strip()

        mine, deadline = score("self"), time.monotonic() + 30
        while score(os.getppid()) != str(own) and time.monotonic() < deadline:
            time.sleep(0.001)  # the parent may not have come to it yet
        Path(path).write_text(f"{mine} {score(os.getppid())}")

    own = int(Path("/proc/self/oom_score_adj").read_text())
    tasks: list[Task] = [file_task(tmp_path / "first", look), file_task(tmp_path / "second", look)]
    with Mcp(tmp_path, tasks) as mcp:
        for job, name in enumerate(("first", "second")):
            assert mcp.finish(job).outcome == Outcome.OK
            assert (tmp_path / name).read_text() == f"{max(own, oom.SCORE_OF_JOBS)} {own}"


def test_a_file_left_open_in_a_cycle_is_written_out(run: Callable[..., Finished]) -> None:
    def leave_open(path: str) -> None:
        holder: list[Any] = [open(path, "w")]  # noqa: SIM115
        holder.append(holder)
        holder[0].write("all of it")

    done = run(leave_open)
    assert done.outcome == Outcome.OK
    assert done.files[0].size_bytes == len("all of it")


def test_threads_are_joined_and_idle_pools_do_not_hang(run: Callable[..., Finished], tmp_path: Path) -> None:
    def thread(path: str) -> None:
        pool = ThreadPoolExecutor(1)
        ready = pool.submit(lambda: None)
        ready.result()
        threading.Thread(target=write, args=(path,)).start()

    assert run(thread).outcome == Outcome.OK


def test_a_fork_that_comes_back_from_the_callback_is_silent(run: Callable[..., Finished], tmp_path: Path) -> None:
    def fork(path: str) -> None:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            write(path)
        else:
            print("child")

    done = run(fork)
    assert done.outcome == Outcome.OK


@pytest.mark.parametrize("raising", [False, True])
@pytest.mark.parametrize("kind", ["bash", "setsid bash", "double fork", "clean environ"])
def test_what_a_job_leaves_running_is_dead_before_it_is_reported(tmp_path: Path, kind: str, raising: bool) -> None:
    pid_file, grows = tmp_path / "pid", tmp_path / "grows"
    loop = f"while true; do echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; echo x >> {grows}; done"

    def fork_and_write(path: str) -> None:
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            pid_file.write_text(str(os.getpid()))
            while True:
                with grows.open("a") as file:
                    file.write("x")

    def start(path: str) -> None:
        write(path)
        if kind == "double fork":
            fork_and_write(path)
        elif kind == "clean environ":
            subprocess.Popen(["bash", "-c", loop], env={}, start_new_session=True, stdout=subprocess.DEVNULL)
        else:
            subprocess.Popen([*kind.split(), "-c", loop])
        while not pid_file.exists() or not pid_file.read_text().strip():
            time.sleep(0.001)
        if raising:
            raise ValueError
        if kind == "bash":
            os._exit(0)

    with Mcp(tmp_path, [file_task(tmp_path / "out", start)]) as mcp:
        done = mcp.finish(0)
        assert not is_alive(int(pid_file.read_text()))
        assert done.outcome == (Outcome.EXCEPTION if raising else Outcome.EXIT if kind == "bash" else Outcome.OK)


def test_a_running_attempt_can_be_cancelled_with_all_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def hang(path: str) -> None:
        write(path)
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        (tmp_path / "new").write_text(str(child.pid))
        os.rename(tmp_path / "new", pid_file)
        child.wait()

    with Mcp(tmp_path, [file_task(tmp_path / "out", hang)]) as mcp:
        attempt = mcp.run(0)
        mcp.until(pid_file.exists)
        mcp.send(Cancel(attempt))
        assert mcp.expect(Finished, attempt=attempt).outcome == Outcome.CANCELLED
        assert not is_alive(int(pid_file.read_text()))
        assert not (tmp_path / "out").exists()


def test_a_thousand_outputs_fit_into_a_report(tmp_path: Path) -> None:
    paths = tuple(str(tmp_path / f"{'long' * 20}-{i}") for i in range(1000))

    def many() -> None:
        for path in paths:
            write(path)

    with Mcp(tmp_path, [FileTask("many", paths, many, (), False, False)]) as mcp:
        assert len(mcp.finish(0).files) == 1000


def test_logs_of_failed_attempts_are_kept_and_slots_are_used_again(tmp_path: Path) -> None:
    def shout(path: str, word: str) -> None:
        print(word)
        if word == "no":
            raise ValueError(word)
        write(path)

    with Mcp(tmp_path, [file_task(tmp_path / w, shout, w) for w in ("no", "yes")]) as mcp:
        assert mcp.finish(0).stdout == b"no\n"
        assert mcp.finish(1).stdout == b"yes\n"
        assert (mcp.directory / "attempt-1.out").read_text() == "no\n"
        assert len(list(mcp.directory.glob("slot-*.out"))) == 1


def test_of_many_jobs_no_more_run_than_there_are_cores_however_they_end(tmp_path: Path) -> None:
    """Most of them are ordered ahead, and start when another ends. One in eight kills itself."""
    log = tmp_path / "log"

    def note(word: bytes) -> None:
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, word)
        os.close(fd)

    def work(path: str, number: int) -> None:
        note(b"+")
        time.sleep(0.003 * (number % 3))
        write(path)
        note(b"-")
        if number % 8 == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with Mcp(tmp_path, [file_task(tmp_path / f"out-{n}", work, n) for n in range(80)], cores=3) as mcp:
        attempts = [mcp.run(n) for n in range(80)]
        ends = [mcp.expect(Finished, attempt=attempt) for attempt in attempts]
    assert [end.outcome == Outcome.OK for end in ends] == [n % 8 != 0 for n in range(80)]
    assert {end.cores for end in ends} == {1}
    running = [0]
    for word in log.read_bytes():
        running.append(running[-1] + (1 if word == ord("+") else -1))
    assert running[-1] == 0
    assert max(running) <= 3


def test_queued_attempts_can_be_retracted_also_those_that_were_ordered_ahead(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def wait(path: str) -> None:
        while not gate.exists():
            time.sleep(0.01)
        write(path)

    with Mcp(tmp_path, [file_task(tmp_path / f"out-{n}", wait) for n in range(12)], cores=2) as mcp:
        attempts = [mcp.run(n) for n in range(12)]
        for attempt in attempts[:2]:
            mcp.expect(Started, attempt=attempt)
        mcp.send(Retract(tuple(attempts[2:])))

        def retracted() -> bool:
            said = [attempt for message in mcp.said if isinstance(message, Retracted) for attempt in message.attempts]
            return sorted(said) == attempts[2:]

        mcp.until(retracted)
        gate.touch()
        for attempt in attempts[:2]:
            assert mcp.expect(Finished, attempt=attempt).outcome == Outcome.OK
    assert not (tmp_path / "out-2").exists()
