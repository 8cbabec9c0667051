"""A Unix-socket relay that a test can cut: what it holds is lost, as on a connection that breaks."""

from __future__ import annotations

import contextlib
import socket


class Relay:
    """Listens at `path` and connects each caller to `target`. Moves bytes only in `step`, in the test's own thread."""

    def __init__(self, path: str, target: str) -> None:
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._listener.setblocking(False)
        self._pipes: list[tuple[socket.socket, socket.socket]] = []
        self._half_open: list[socket.socket] = []
        self.accepted = 0

    def step(self) -> None:
        """Accept who waits and move what is there."""
        with contextlib.suppress(BlockingIOError):
            near, _ = self._listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            for end in (near, far):
                end.setblocking(False)
            self._pipes += [(near, far), (far, near)]
            self.accepted += 1
        for source, sink in self._pipes:
            with contextlib.suppress(BlockingIOError, OSError):
                moved = source.recv(1 << 16)
                sink.setblocking(True)
                sink.sendall(moved)
                sink.setblocking(False)

    def cut(self, half: bool = False) -> None:
        """Break all connections; new ones are accepted again. `half`: the target does not notice."""
        for near, far in self._pipes[::2]:
            near.close()
            if half:
                self._half_open.append(far)
            else:
                far.close()
        self._pipes.clear()

    def close(self) -> None:
        self.cut()
        for far in self._half_open:
            far.close()
        self._listener.close()
