"""TCP ports for daemons that a test starts later, maybe more than once."""

from __future__ import annotations

import socket


class Port:
    """One of the loopback address. Nobody else gets it before `close`, and nobody listens there before a daemon does.

    A port that was free when it was looked for may be another test's when the daemon wants it. This one is bound all
    the time: Linux gives one address to several sockets that all allow it (SO_REUSEADDR, as zmq, sshd and Slurm do)
    while at most one of them listens, and gives it to nobody who asks for any port.
    """

    def __init__(self) -> None:
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.number = int(self._held.getsockname()[1])

    def close(self) -> None:
        """Anybody may have it."""
        self._held.close()
