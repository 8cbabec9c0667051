"""The connection of a ClientLink over TCP: watched, so that its owner can be told why there is none.

zmq connects anew by itself after a connection was refused or broke. Where the other side answers wrongly, or does not
admit our key, it gives up for good; both may be mended over there, so the dialer begins again after REDIAL_S.
"""

from __future__ import annotations

import errno

import zmq
from zmq.utils.monitor import recv_monitor_message

REDIAL_S = 1.0
ZAP_DENIED = 400
"""ZMQ RFC 27: the authenticator knows the key and does not admit it; 300 and 500 are troubles of its own."""
EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Dialer:
    """`trouble`: why there is no connection, in words for the user; None while there is one or nothing is known.
    `is_denied`: the other side has answered that it does not admit our key, and has not admitted it since.
    `is_deserted`: the last attempt to connect was in vain."""

    def __init__(self, socket: zmq.Socket[bytes], endpoint: str) -> None:
        self.trouble: str | None = None
        self.is_denied = self.is_deserted = False
        self._socket, self._endpoint = socket, endpoint
        self._monitor = socket.get_monitor_socket(EVENTS)
        self._up = False
        self._broken_at: float | None = None
        try:
            socket.connect(endpoint)
        except zmq.ZMQError:
            self.close()
            raise

    def tick(self, now: float) -> None:
        """Read what happened, and dial again where zmq has given up."""
        while self._monitor.poll(0):
            message = recv_monitor_message(self._monitor)
            self._on_event(message["event"], message["value"], now)
        if self._broken_at is not None and now >= self._broken_at + REDIAL_S:
            self._broken_at = None
            self._socket.disconnect(self._endpoint)
            self._socket.connect(self._endpoint)

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)

    def _on_event(self, event: int, value: int, now: float) -> None:
        self.is_deserted = event == zmq.EVENT_CLOSED or (self.is_deserted and event == zmq.EVENT_CONNECT_RETRIED)
        match event:
            case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._up, self.trouble, self.is_denied = True, None, False
            case zmq.EVENT_CONNECT_RETRIED:
                self._broken_at = None
            case zmq.EVENT_CLOSED:
                self.trouble = f"nobody answers at {self._endpoint}: is the address right, and does it run there?"
            case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self.trouble = f"{self._endpoint} does not admit our key: whoever runs it has to authorise it"
                self.is_denied = value == ZAP_DENIED
            case zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
                self.trouble = f"what answers at {self._endpoint} does not speak our protocol with CURVE"
            case zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self.trouble = self._no_detail(value)
            case zmq.EVENT_DISCONNECTED:
                self._on_disconnected(now)

    def _no_detail(self, value: int) -> str:
        if value == errno.EAGAIN:
            return f"what listens at {self._endpoint} accepts connections, but does not answer"
        return f"{self._endpoint} hung up on us: is its public key the one that we have, and is it one of ours at all?"

    def _on_disconnected(self, now: float) -> None:
        if self._up:
            self.trouble = f"the connection to {self._endpoint} broke"
        elif self.trouble is None:
            self.trouble = f"what answers at {self._endpoint} does not speak our protocol"
        self._up, self._broken_at = False, now
