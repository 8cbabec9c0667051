"""The master's end of the socket: never blocks, has no thread, and owes nothing to a client that misbehaves.

Rules. At most `MAX_CLIENTS` at a time, more are sent away at once. A request is one line of at most 64 KiB; who sends
more, hangs up, or has not taken the answer after `PATIENCE_S` is cut off. An answer that can't be made is an answer
that says so: no question ends a run. The socket is made after the supervisor was forked, so that no child inherits it
(a fork takes descriptors along whatever their flags).
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .wire import MAX_REQUEST_BYTES, decode, encode, is_trusted, socket_path

MAX_CLIENTS = 8
BACKLOG = 64
PATIENCE_S = 5.0
PAUSE_S = 1.0
"""How long nobody is accepted when the system has no descriptor left."""

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Watcher(Protocol):
    """What waits for descriptors, beside all else that the run waits for."""

    def watch(self, fd: int, on_ready: Callable[[], None], writing: bool = False) -> None:
        """Call `on_ready` whenever this becomes readable, or writable."""

    def unwatch(self, fd: int) -> None:
        """No more."""


@dataclass(slots=True, eq=False)
class _Client:
    connection: socket.socket
    deadline: float
    request: bytearray = field(default_factory=bytearray)
    answer: memoryview = field(default_factory=lambda: memoryview(b""))


class AskServer:
    """Listens from its making to `close`. Raises OSError where the socket can't be made."""

    def __init__(self, run_directory: Path, watcher: Watcher, answer: Answer) -> None:
        self._watcher = watcher
        self._answer = answer
        self._clients: list[_Client] = []
        self._resume_s = math.inf
        self._path = socket_path(run_directory)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(str(self._path))
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        watcher.watch(self._socket.fileno(), self._accept)

    @property
    def next_s(self) -> float:
        """When `tick` has something to do."""
        return min([self._resume_s, *(client.deadline for client in self._clients)])

    def tick(self, now: float) -> None:
        """Cut off who took too long."""
        for client in [client for client in self._clients if client.deadline <= now]:
            self._drop(client)
        if self._resume_s <= now:
            self._resume_s = math.inf
            self._watcher.watch(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Hang up on everybody, and be gone from the file system."""
        for client in list(self._clients):
            self._drop(client)
        if self._resume_s == math.inf:
            self._watcher.unwatch(self._socket.fileno())
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            self._watcher.unwatch(self._socket.fileno())
            self._resume_s = time.monotonic() + PAUSE_S
            return
        if len(self._clients) >= MAX_CLIENTS or not _trusted(connection):
            connection.close()
            return
        connection.setblocking(False)
        client = _Client(connection, time.monotonic() + PATIENCE_S)
        self._clients.append(client)
        self._watcher.watch(connection.fileno(), lambda: self._read(client))

    def _read(self, client: _Client) -> None:
        try:
            received = client.connection.recv(MAX_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        client.request += received
        line, newline, _ = client.request.partition(b"\n")
        if newline:
            client.answer = memoryview(encode(self._answer_to(bytes(line))))
            self._watcher.unwatch(client.connection.fileno())
            self._watcher.watch(client.connection.fileno(), lambda: self._write(client), writing=True)
        elif not received or len(client.request) >= MAX_REQUEST_BYTES:
            self._drop(client)

    def _answer_to(self, line: bytes) -> dict[str, Any]:
        try:
            return self._answer(decode(line))
        except ValueError as error:
            return {"error": f"The question can't be understood: {error}."}
        except Exception as error:  # noqa: BLE001, RUF100  # a question must not end the run, whatever is wrong with us
            return {"error": f"The run could not answer, which is a bug of pypipegraph: {error!r}."}

    def _write(self, client: _Client) -> None:
        try:
            sent = client.connection.send(client.answer)
        except BlockingIOError:
            return
        except OSError:
            sent = len(client.answer)
        client.answer = client.answer[sent:]
        if not client.answer:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._clients.remove(client)
        self._watcher.unwatch(client.connection.fileno())
        client.connection.close()


def _trusted(connection: socket.socket) -> bool:
    try:
        return is_trusted(connection)
    except OSError:
        return False
