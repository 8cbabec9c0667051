"""Why there is no connection yet, in words: zmq tries again silently, its monitor tells what came of it."""

from __future__ import annotations

import zmq
from zmq.utils.monitor import parse_monitor_message

_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
UNREACHABLE = "nothing answers there; is the address right, and does `ppg-coordinator serve` run?"
NOT_ADMITTED = (
    "it does not admit your key; ask its owner to run `ppg-coordinator authorize NAME user.key`, with the user.key of "
    "your key directory"
)
WRONG_KEY = "something answers there that does not have the key in coordinator.key of your key directory"


class Trouble:
    """Watches a socket that connects."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._monitor = socket.get_monitor_socket(_EVENTS)
        self._words = ""
        self._connected = False

    def words(self) -> str:
        """What was wrong last; empty when nothing is, or nothing is known."""
        while self._monitor.poll(0):
            self._take(parse_monitor_message(self._monitor.recv_multipart()))
        return self._words

    def _take(self, message: dict[str, object]) -> None:
        event = message["event"]
        broken = event == zmq.EVENT_DISCONNECTED and self._connected  # in the middle of a handshake
        if event == zmq.EVENT_CONNECTED:
            self._connected = True
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._connected, self._words = False, ""
        elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._connected, self._words = False, NOT_ADMITTED
        elif broken or event in (zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL):
            self._connected, self._words = False, WRONG_KEY
        elif event in (zmq.EVENT_CLOSED, zmq.EVENT_CONNECT_RETRIED) and not self._words:
            self._words = UNREACHABLE

    def close(self) -> None:
        """Stop watching."""
        self._socket.disable_monitor()
