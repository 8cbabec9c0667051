"""What every process below the supervisor inherits: the session's facts, the board, the tasks, streams made beforehand.

Made once, in the supervisor, so that a forked job finds all that it needs and allocates, opens and imports little.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ppg_cs import capture, session_directory
from ppg_cs.board import Board
from ppg_cs.config import SupervisorConfig
from ppg_cs.tasks import Task

if TYPE_CHECKING:
    from ppg_cs.task_stream import TaskStream


class Workplace:
    """Shared, by fork, by all processes of a session."""

    def __init__(self, config: SupervisorConfig, task_of: Callable[[int], Task], memory: int = -1) -> None:
        """`memory`: descriptor of the board's memory, see `Board`."""
        self.config = config
        self.spare_slot = config.slots
        """Of no attempt: for what a data process tries out while attempts run."""
        self.board = Board(config.slots + 1, config.run_directory, memory)
        self._streams = [capture.stream_paths(config.run_directory, slot) for slot in range(config.slots + 1)]
        self.task_of = task_of
        self.stream: TaskStream | None = None
        """In a data process of a cluster: where its tasks come from."""
        self.generated: dict[int, Task] = {}
        """Tasks that generators made, by index: grows in the successors that take over."""
        self.redirect_to_log()
        self.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "surrogateescape")
        self.stdout = _text_stream(1, line_buffering=False)
        self.stderr = _text_stream(2, line_buffering=True)

    def task(self, job: int) -> Task:
        """The task of a job. Raises whatever `task_of` raises for an index that it doesn't know."""
        return self.generated[job] if job in self.generated else self.task_of(job)

    def use_streams(self) -> None:
        """Let input() and print() use descriptors 0 to 2: the user's process may have replaced its streams."""
        sys.stdin = sys.__stdin__ = self.stdin  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = self.stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self.stderr  # type: ignore[misc]

    def redirect(self, out_path: str, err_path: str, truncate: bool) -> None:
        """Make these files descriptors 1 and 2, appending."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if truncate else 0)
        for path, number in ((out_path, 1), (err_path, 2)):
            fd = os.open(path, flags, 0o600)
            if fd != number:
                os.dup2(fd, number)
                os.close(fd)

    def redirect_to_slot(self, slot: int) -> None:
        """Capture what this process writes from now on in the files of a slot."""
        out, err = self._streams[slot]
        try:
            self.redirect(out, err, True)
        except FileNotFoundError:  # a job, or somebody who cleans up /tmp, has removed the directory
            session_directory.make(Path(self.config.run_directory), self.config.mcp_pid)
            self.redirect(out, err, True)

    def redirect_to_log(self) -> None:
        """What is said outside loads and jobs, last words of data processes included, goes to `session.log`."""
        fd = os.open(os.devnull, os.O_RDONLY)
        if fd != 0:
            os.dup2(fd, 0)
            os.close(fd)
        path = f"{self.config.run_directory}/session.log"
        self.redirect(path, path, False)

    def flush(self) -> None:
        """Write out what print() left in buffers, wherever user code pointed sys.stdout: it need only have write()."""
        if sys.stdout is not self.stdout or sys.stderr is not self.stderr:
            _flush_anything(sys.stdout)
            _flush_anything(sys.stderr)
        for stream in (self.stdout, self.stderr):
            if not stream.closed:
                stream.flush()


def _flush_anything(stream: object) -> None:
    flush = getattr(stream, "flush", None)
    if callable(flush) and not getattr(stream, "closed", False):
        flush()


def _text_stream(fd: int, line_buffering: bool) -> io.TextIOWrapper:
    raw = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=line_buffering
    )
