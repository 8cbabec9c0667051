"""The address of a ServerLink: bound, announced, and for TCP bound anew so that all connections end.

The listening TCP socket is ours; zmq gets a duplicate of it (ZMQ_USE_FD). So `hang_up` can take zmq's away, which ends
every connection that came by it, and hand over another while the port stays ours and who connects meanwhile waits in
the kernel's queue. Rejected: unbind and bind of zmq's own (the port is free for a moment, and another bind fails until
zmq's thread has closed it); a new zmq socket (owners have the old one in their pollers).
"""

from __future__ import annotations

import socket

import zmq

from ppg_protocol.endpoints import TcpAddress

BACKLOG = 4096


class IpcListener:
    """Never hangs up: only ourselves can connect."""

    def __init__(self, zmq_socket: zmq.Socket[bytes], endpoint: str) -> None:
        zmq_socket.bind(endpoint)
        self.endpoint = endpoint

    def hang_up(self) -> None:
        """Nobody is shut out of a link inside a machine."""

    def close(self) -> None:
        """The socket's own."""


class TcpListener:
    """`endpoint` is what was bound, with the port that was found."""

    def __init__(self, zmq_socket: zmq.Socket[bytes], address: TcpAddress) -> None:
        """Raises zmq.ZMQError, as a bind of zmq would, when no port can be had."""
        self._zmq_socket = zmq_socket
        self._listening = _first_free(address)
        try:
            if address.is_ipv6:
                zmq_socket.setsockopt(zmq.IPV6, 1)
            self.endpoint = self._bound_name(address)
            self._hand_over()
        except BaseException:
            self._listening.close()
            raise

    def hang_up(self) -> None:
        """End all connections. Their clients come back by themselves, if they are let in."""
        self._zmq_socket.unbind(self.endpoint)
        self._hand_over()

    def close(self) -> None:
        self._listening.close()

    def _bound_name(self, address: TcpAddress) -> str:
        host, port = self._listening.getsockname()[:2]
        return f"tcp://[{host}]:{port}" if address.is_ipv6 else f"tcp://{host}:{port}"

    def _hand_over(self) -> None:
        duplicate = self._listening.dup()
        self._zmq_socket.setsockopt(zmq.USE_FD, duplicate.fileno())
        self._zmq_socket.bind(self.endpoint)
        duplicate.detach()


def _first_free(address: TcpAddress) -> socket.socket:
    family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
    host = "" if address.host == "*" else address.host
    failure = OSError()
    for port in range(address.low, address.high + 1):
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(BACKLOG)
            listening.setblocking(False)
            return listening
        except OSError as error:
            listening.close()
            failure = error
    ports = f"port {address.low}" if address.low == address.high else f"any port from {address.low} to {address.high}"
    raise zmq.ZMQError(failure.errno or zmq.EINVAL, f"can't listen at {address.host}, {ports}: {failure}")
