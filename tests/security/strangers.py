"""Somebody who knows a zmq socket's address, and its public key, but not a key that it admits."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from types import TracebackType
from typing import Self

import zmq
from zmq.utils.monitor import recv_monitor_message

from ppg_protocol.codec import Message
from ppg_protocol.curve import CurveClient
from ppg_protocol.envelope import seal_one

PATIENCE_S = 30.0
LONGEST_ERROR = 2 + 7 + 255
FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_DISCONNECTED,
)


class Stranger:
    """Makes one connection to a socket, and says things."""

    def __init__(self, endpoint: str, keys: CurveClient | None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._dealer = self._context.socket(zmq.DEALER)
        self._dealer.linger = 0
        self._dealer.setsockopt(zmq.RECONNECT_IVL, -1)
        if keys is not None:
            keys.secure(self._dealer)
        self._monitor = self._dealer.get_monitor_socket()
        self._dealer.connect(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._dealer.disable_monitor()
        self._monitor.close(linger=0)
        self._context.destroy(linger=0)

    def say(self, *messages: Message) -> None:
        """In an envelope each, numbered as a client would; unless it was turned away already."""
        with contextlib.suppress(zmq.Again):
            for number, message in enumerate(messages):
                self._dealer.send_multipart(seal_one(number, 0, [message]).frames, zmq.NOBLOCK)

    def heard(self) -> list[bytes]:
        """What has come."""
        return self._dealer.recv_multipart() if self._dealer.poll(0) else []

    def is_let_in(self) -> bool:
        """Wait until that is known."""
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            if self._monitor.poll(100):
                event = recv_monitor_message(self._monitor)["event"]
                if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    return True
                if event in FAILURES:
                    return False
        raise AssertionError("neither let in nor turned away")


def shout(address: tuple[str, int], seed: int, times: int = 30) -> None:
    """Random bytes over plain connections at once, some after a proper greeting. What comes back is the greeting that
    everybody gets, and at most an ERROR command; then all are hung up on."""
    chance = random.Random(seed)
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)
    connections = [socket.create_connection(address, timeout=PATIENCE_S) for _ in range(times)]
    for connection in connections:
        with contextlib.suppress(ConnectionError):
            connection.sendall(chance.choice((b"", greeting)) + chance.randbytes(chance.randrange(1, 5000)))
    for connection in connections:
        assert len(_all_of(connection)) <= len(greeting) + LONGEST_ERROR


def _all_of(connection: socket.socket) -> bytes:
    came = b""
    with connection, contextlib.suppress(ConnectionError):
        while more := connection.recv(1 << 16):
            came += more
    return came
