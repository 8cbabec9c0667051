"""What a data process says of the jobs it forks, and when: seen from the supervisor's end of the channel."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cs_mcp import file_task

from ppg_cs import control, data_process
from ppg_cs.config import SupervisorConfig
from ppg_cs.control import Channel
from ppg_cs.tasks import Task
from ppg_cs.workplace import Workplace

PATIENCE_S = 30.0


@contextmanager
def forking(
    base: Path, tasks: list[Task], prepare: Callable[[], object] = lambda: None
) -> Iterator[tuple[Channel, Callable[[], list[Any]]]]:
    """A pristine data process; yields the channel to it, and what waits for the next thing that it says."""
    run_directory = base / "session"
    run_directory.mkdir()
    config = SupervisorConfig("ipc://nowhere", "session", 1, "1.0", str(run_directory), str(base), 2, 1 << 30, 0)
    channel, end = Channel.pair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        channel.close()
        prepare()
        data_process.run_pristine(Workplace(config, tasks.__getitem__), end, parent)
    end.close()

    def said() -> list[Any]:
        assert select.select([channel], [], [], PATIENCE_S)[0], "the data process says nothing"
        packet = channel.receive()
        assert packet is not None, "the data process is gone"
        return packet[0]

    try:
        yield channel, said
    finally:
        channel.close()
        os.waitpid(pid, 0)


def until_there(path: str) -> None:
    """A callback that ends when somebody says so."""
    deadline = time.monotonic() + PATIENCE_S
    while not os.path.exists(f"{path}.go") and time.monotonic() < deadline:
        time.sleep(0.001)
    Path(path).write_text("done")


def at_once(path: str) -> None:
    Path(path).write_text("done")


def fork(key: int, job: int) -> tuple[Any, ...]:
    return (control.FORK_JOB, key, job, 1, key, [])


def test_the_start_of_a_job_that_stays_is_said_while_it_runs(tmp_path: Path) -> None:
    with forking(tmp_path, [file_task(tmp_path / "out", until_there)]) as (channel, said):
        channel.send(fork(1, 0))
        kind, key, pid = said()
        assert (kind, key) == (control.FORKED, 1)
        assert os.path.exists(f"/proc/{pid}")
        (tmp_path / "out.go").touch()
        assert said()[:4] == [control.EXITED, 1, pid, 0]


def test_an_end_names_the_process_whether_its_start_was_said_or_not(tmp_path: Path) -> None:
    with forking(tmp_path, [file_task(tmp_path / "out", at_once)]) as (channel, said):
        channel.send(fork(1, 0))
        kind, key, pid, *rest = said()
        if kind == control.FORKED:  # a busy machine took its time
            kind, key, again, *rest = said()
            assert again == pid
        assert (kind, key, rest[0]) == (control.EXITED, 1, 0)
        assert pid > 1


def test_who_was_forked_is_said_before_somebody_finds_no_process(tmp_path: Path) -> None:
    """Else nothing would seem to run whose end could make room."""
    made = iter((os.fork,))

    def fork_once() -> int:
        for genuine in made:
            return genuine()
        raise BlockingIOError(11, "Resource temporarily unavailable")

    def prepare() -> None:
        os.fork = fork_once

    tasks: list[Task] = [file_task(tmp_path / "first", until_there), file_task(tmp_path / "second", at_once)]
    with forking(tmp_path, tasks, prepare) as (channel, said):
        channel.send(fork(1, 0))
        channel.send(fork(2, 1))
        assert said()[:2] == [control.FORKED, 1]
        assert said()[:2] == [control.REFUSED, 2]
        (tmp_path / "first.go").touch()
        assert said()[:2] == [control.EXITED, 1]
