"""CURVE on the TCP links: whose keys, and what zmq is told about connections that come over a network.

Rules
- No TCP socket without CURVE, and no CURVE server without a `doorkeeper`: CURVE alone proves only that the client knows
  the server's public key. ZAP_ENFORCE_DOMAIN makes libzmq refuse everybody while no doorkeeper answers.
- A connection that does not finish its handshake within HANDSHAKE_MS is dropped.
- ZMTP heartbeats break a connection whose other machine is gone well before the session calls it silent, so that zmq
  connects anew while there is still time; TCP keepalive does the same for what never speaks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import zmq

log = logging.getLogger(__name__)

HANDSHAKE_MS = 5000
CONNECT_MS = 5000
HEARTBEATS_PER_TIMEOUT = 3
LEAST_TIMEOUT_MS = 1000
"""Of a connection on which nothing moves; a machine that is only busy must not lose it."""

KEEPALIVE_IDLE_S = 30
KEEPALIVE_INTERVAL_S = 10
KEEPALIVE_PROBES = 3


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both halves in Z85, 40 bytes each."""

    public: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CurveServer:
    """Who we are to those who connect, and whether a client's public key (Z85) is let in.

    `admit` is asked at each connection, in a thread of its own, and again at each first hello, in the owner's: it only
    looks something up. An exception of it lets nobody in.
    """

    own: KeyPair
    admit: Callable[[bytes], bool]

    def secure(self, socket: zmq.Socket[bytes], domain: bytes) -> None:
        """Before `bind`."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.own.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.own.secret)
        socket.setsockopt(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


@dataclass(frozen=True, slots=True)
class CurveClient:
    """Who we are, and the only server (its public key, Z85) that we talk to."""

    own: KeyPair
    server_public: bytes

    def secure(self, socket: zmq.Socket[bytes]) -> None:
        """Before `connect`."""
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.own.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.own.secret)
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.server_public)


def admits(admit: Callable[[bytes], bool], key: bytes) -> bool:
    """What `admit` says of this key; False when it raises."""
    try:
        return bool(admit(key))
    except Exception:
        log.exception("nobody is let in with key %s: whether it is known could not be found out", key.decode())
        return False


def guard_connections(socket: zmq.Socket[bytes], silence_s: float) -> None:
    """What applies to both ends of a TCP link. Before `bind` or `connect`."""
    timeout_ms = max(LEAST_TIMEOUT_MS, int(1000 * silence_s / 3))
    for option, value in (
        (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
        (zmq.CONNECT_TIMEOUT, CONNECT_MS),
        (zmq.HEARTBEAT_IVL, timeout_ms // HEARTBEATS_PER_TIMEOUT),
        (zmq.HEARTBEAT_TIMEOUT, timeout_ms),
        (zmq.TCP_KEEPALIVE, 1),
        (zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S),
        (zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S),
        (zmq.TCP_KEEPALIVE_CNT, KEEPALIVE_PROBES),
    ):
        socket.setsockopt(option, value)
