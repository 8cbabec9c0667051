"""Answers libzmq's question whom to let in: pyzmq's ZAP authenticator in its thread, one per zmq.Context.

Rules
- libzmq asks at one place in a context, so the servers of a context share a doorkeeper, each under a domain of its own.
- Fail closed: an `admit` that raises admits nobody; a thread that died answers nobody, and such connections are dropped
  after `curve.HANDSHAKE_MS`.
- Signals are blocked in the thread: a Ctrl-C must wake the main thread.

Rejected: answering from the owner's loop (nobody could connect while it plans, and it would poll two sockets).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from itertools import count

import zmq
from zmq.auth.thread import ThreadAuthenticator

from ppg_protocol.curve import admits

_doorkeepers: dict[zmq.Context[zmq.Socket[bytes]], Doorkeeper] = {}
_lock = threading.Lock()
_numbers = count(1)


class _Provider:
    """What pyzmq calls for each client of a domain."""

    def __init__(self, admit: Callable[[bytes], bool]) -> None:
        self._admit = admit

    def callback(self, domain: str, key: bytes) -> bool:
        return admits(self._admit, key)


class Doorkeeper:
    """Of one context, from the first `open_door` to the last `close_door`."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._authenticator = ThreadAuthenticator(context)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._authenticator.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def doors(self) -> int:
        return len(self._authenticator.credentials_providers)

    def add(self, domain: str, admit: Callable[[bytes], bool]) -> None:
        self._authenticator.configure_curve_callback(domain, _Provider(admit))

    def remove(self, domain: str) -> None:
        del self._authenticator.credentials_providers[domain]

    def stop(self) -> None:
        self._authenticator.stop()


def open_door(context: zmq.Context[zmq.Socket[bytes]], admit: Callable[[bytes], bool]) -> str:
    """The ZAP domain under which `admit` is asked from now on. Raises zmq.ZMQError when the context has another
    ZAP handler."""
    domain = f"pypipegraph-{next(_numbers)}"
    with _lock:
        if context not in _doorkeepers:
            _doorkeepers[context] = Doorkeeper(context)
        _doorkeepers[context].add(domain, admit)
    return domain


def close_door(context: zmq.Context[zmq.Socket[bytes]], domain: str) -> None:
    """Let nobody in under this domain any more; the last one ends the thread."""
    with _lock:
        doorkeeper = _doorkeepers[context]
        doorkeeper.remove(domain)
        if not doorkeeper.doors:
            del _doorkeepers[context]
            doorkeeper.stop()
