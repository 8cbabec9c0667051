"""A poller that serves others, too: the keyboard, a second terminal, a signal."""

from __future__ import annotations

from collections.abc import Callable, Container

import zmq


class Watching:
    """What all kinds of `Machines` share. `_poller` is for their own sockets as well."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._watched: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, on_ready: Callable[[], None], writing: bool = False) -> None:
        """See `machines`."""
        self._watched[fd] = on_ready
        self._poller.register(fd, zmq.POLLOUT if writing else zmq.POLLIN)

    def unwatch(self, fd: int) -> None:
        """See `machines`."""
        del self._watched[fd]
        self._poller.unregister(fd)

    def _serve_watched(self, ready: Container[object]) -> None:
        for fd in list(self._watched):
            if fd in ready and fd in self._watched:  # not, if an earlier one of these ended it
                self._watched[fd]()
