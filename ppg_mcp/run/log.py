"""Where a run says what it does: logs/ppg_run.txt, UDP port 5005, and warnings to the user.

Files are written only where a folder `logs` exists and can be written; a log that can't be written never stops a run.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from ..graph import Pipegraph
from ..util.log_listener import LOG_PORT
from .terminal import say

LOGGER = "pypipegraph"
MAX_DATAGRAM = 8000
"""Bytes of message text in one datagram."""


class RunLog:
    """One run's log. Debug records are dropped before they are formatted unless asked for: `debugging`."""

    def __init__(self, graph: Pipegraph, to_file: bool = True) -> None:
        self._quiet = graph.options.quiet
        self.level = graph.options.log_level
        self.debugging = self.level <= logging.DEBUG
        self.say: Callable[[str], None] = self._print
        """How a line reaches the user, beside whatever else is shown."""
        self.warned: set[str] = set()
        self._socket: socket.socket | None = None
        self._second = 0
        self._second_text = ""
        self._deaf_until = 0
        self._file: TextIO | None = None
        self.unwritten = False
        """Is there something to flush?"""
        path = graph.options.log_file or log_path(graph, "ppg_run.txt")
        if to_file and path is not None:
            try:
                self._file = open(path, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
            except OSError as error:
                self._print(f"Can't write the log {path}: {error.strerror}; going on without.")

    def debug(self, text: str) -> None:
        """Why something is not done, and other details."""
        self._write(logging.DEBUG, text)

    def info(self, text: str) -> None:
        """A decision."""
        self._write(logging.INFO, text)

    def warning(self, text: str) -> None:
        """Something that the user should see; each text once per run."""
        if text not in self.warned:
            self.warned.add(text)
            self._write(logging.WARNING, text)
            self.say(f"pypipegraph: {text}")

    def warnings(self, texts: Iterable[str]) -> None:
        """Several, as `warning`."""
        for text in texts:
            self.warning(text)

    def error(self, text: str) -> None:
        """A failure; it is also raised."""
        self._write(logging.ERROR, text)

    def flush(self) -> None:
        """So that who follows the file sees what happens."""
        self.unwritten = False
        if self._file is not None:
            try:
                self._file.flush()
            except OSError as error:
                self._give_up_file(error)

    def close(self) -> None:
        """End of the run."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self._print(f"pypipegraph: the end of the log {file.name} was not written: {error}.")

    def _give_up_file(self, error: Exception) -> None:
        """What waits in its buffer is lost."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
            self.warning(f"Can't write the log {file.name}: {error}; going on without.")

    def _write(self, level: int, text: str) -> None:
        if level < self.level:
            return
        name = logging.getLevelName(level)
        now = self._now()
        if self._file is not None:
            try:
                self._file.write(f"{now} {name} {text}\n")
                self.unwritten = True
            except (OSError, ValueError) as error:
                self._give_up_file(error)
        self._send({"time": now, "pid": os.getpid(), "level": name, "message": text[:MAX_DATAGRAM]})

    def _now(self) -> str:
        """The time of day to the second, made once per second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return self._second_text

    def _send(self, record: dict[str, object]) -> None:
        """Lost when nobody listens, which the kernel tells a connected socket: then nothing is sent for a second."""
        if self._second < self._deaf_until:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._socket.connect(("127.0.0.1", LOG_PORT))
            self._socket.send(json.dumps(record).encode() + b"\n")
        except OSError:
            self._deaf_until = self._second + 1

    def _print(self, text: str) -> None:
        if not self._quiet:
            say(text)


def log_path(graph: Pipegraph, name: str) -> str | None:
    """Path of a file in `logs`, None where there is no such folder."""
    folder = os.path.join(graph.directory, "logs")
    return os.path.join(folder, name) if os.path.isdir(folder) else None
