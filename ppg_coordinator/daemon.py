"""The coordinator's shell: one poller around a link, the core, the key directory and the signals.

Rules
- Nothing that a peer says ends it. An exception while a message is handled is our bug: it is logged, that peer is
  turned away, everybody else is served on.
- A first SIGTERM or SIGINT lets what was said be acknowledged (`FAREWELL_S`) and ends; a second one ends at once.
  Peers are not told: they go on with what they hold, and find the next coordinator at the same address.
- What outlives it is the key directory, with a file `drained` of machine ids in it.
- Numbers of Shares begin at the wall clock in milliseconds: above all that a former coordinator used, since nobody is
  told a thousand shares a second.
"""

from __future__ import annotations

import logging
import os
import platform
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import FrameType

import zmq

from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from ppg_protocol.clock import now as clock
from ppg_protocol.cluster_messages import Answer
from ppg_protocol.codec import Message
from ppg_protocol.curve import CurveServer
from ppg_protocol.errors import LocalProtocolError
from ppg_protocol.handshake import COORDINATOR
from ppg_protocol.keys import KeyDirectory, KeysError
from ppg_protocol.link import Delivery, ServerLink
from ppg_protocol.messages import Heartbeat, Hello
from ppg_protocol.records import Blob
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerReturned, PeerSilent, Refused

from .core import Coordinator
from .core.desk import Settings
from .core.events import (
    AuthorizeKey,
    Event,
    Instruction,
    KeepDrained,
    Log,
    PeerArrived,
    PeerCameBack,
    PeerFellSilent,
    PeerLeft,
    PeerSpoke,
    RevokeKey,
    ShutOut,
    Tell,
    Ticked,
    TurnAway,
    UserRevoked,
)
from .drained import keep_drained, read_drained

FAREWELL_S = 1.0
HEARTBEAT = Heartbeat((), (), 0)

log = logging.getLogger("ppg-coordinator")


def hello(role: str) -> Hello:
    """How we introduce ourselves on a link to or of a coordinator."""
    return Hello(
        PROTOCOL_MAJOR,
        PROTOCOL_MINOR,
        _engine_version(),
        platform.python_version(),
        role,
        platform.node(),
        Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip(),
        os.urandom(16),
        COORDINATOR,
        0,
    )


def _engine_version() -> str:
    try:
        return metadata.version("pypipegraph")
    except metadata.PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """Seconds; see `ppg-coordinator serve --help`."""

    endpoint: str
    grace_s: float
    heartbeat_s: float
    silence_s: float
    lease_s: float


class CoordinatorDaemon:
    """See the module. `serve` returns when a signal has ended it."""

    def __init__(self, keys: KeyDirectory, settings: DaemonSettings) -> None:
        """Raises KeysError when the directory is not that of an owner, zmq.ZMQError when the address can't be bound,
        LocalProtocolError when it is none."""
        self._keys = keys
        self._names = keys.authorized()
        """Replaced as a whole: the doorkeeper reads it in its own thread."""
        assert keys.coordinator is not None, "authorized() has looked"
        self._revoked: dict[str, bytes] = {}
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        curve = CurveServer(keys.coordinator, self._admit)
        timing = Timing(settings.heartbeat_s, settings.silence_s)
        try:
            self.link = ServerLink(self._context, settings.endpoint, hello(COORDINATOR), timing, curve)
        except BaseException:
            self._context.term()
            raise
        self._core = Coordinator(
            clock(),
            settings.grace_s,
            Settings(lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s),
            time.time_ns() // 10**6,
            read_drained(keys.path),
        )
        self._known: set[bytes] = set()
        """Peers that the core was told of."""
        self._signals = 0

    def serve(self) -> None:
        """Until told to stop."""
        waker, woken = socket.socketpair()
        with waker, woken:
            woken.setblocking(False)
            waker.setblocking(False)
            signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)
            poller = zmq.Poller()
            poller.register(self.link.socket, zmq.POLLIN)
            poller.register(woken, zmq.POLLIN)
            try:
                self._loop(poller, woken)
            finally:
                signal.set_wakeup_fd(-1)
                self.link.close()
                self._context.term()

    # ---------------------------------------------------------------------------------------------------------- loop

    def _loop(self, poller: zmq.Poller, woken: socket.socket) -> None:
        end_at = float("inf")
        while True:
            self._round(poller, end_at)
            _drain(woken)
            if self._signals and end_at == float("inf"):
                end_at = clock() + FAREWELL_S
                log.info("ends: what runs goes on, and finds the next coordinator at this address")
            if self._signals and (self._signals > 1 or clock() >= end_at or not self._owes()):
                return

    def _round(self, poller: zmq.Poller, end_at: float) -> None:
        times = [at for at in (self.link.deadline(), self._core.deadline(), end_at) if at is not None]
        wait_ms = min(1000.0, max(0.0, 1000 * (min(times) - clock())))
        poller.poll(int(wait_ms) + (wait_ms > 0))
        now = clock()
        for delivery in [*self.link.receive(now), *self.link.tick(now)]:
            try:
                self._on_delivery(delivery, now)
            except Exception:
                log.exception("a mistake of the coordinator while it handled %.500r; please report it", delivery.what)
                self._turn_away(delivery.peer, "the coordinator could not handle a message; see its log", now)
        due = self._core.deadline()
        if due is not None and due <= now:
            self._feed(Ticked(), now)

    def _owes(self) -> bool:
        """Is there somebody who listens and has not yet acknowledged what was said?"""
        for peer in self._known:
            session = self.link.session(peer)
            if session is not None and session.outbox.messages and session.deadline() is not None:
                return True
        return False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    # --------------------------------------------------------------------------------------------------------- peers

    def _admit(self, key: bytes) -> bool:
        return key in self._names

    def _on_delivery(self, delivery: Delivery, now: float) -> None:
        peer = delivery.peer
        match delivery.what:
            case Established(theirs):
                self._arrived(peer, theirs, now)
            case Deliver(messages):
                for message in messages:
                    if peer in self._known:
                        self._feed(PeerSpoke(peer, message), now)
            case HeartbeatDue():
                self._tell(peer, HEARTBEAT, now)
            case PeerSilent(since):
                self._feed(PeerFellSilent(peer, since), now)
            case PeerReturned():
                self._feed(PeerCameBack(peer), now)
            case Refused(reason):
                self._gone(peer, reason, now)

    def _arrived(self, peer: bytes, theirs: Hello, now: float) -> None:
        self._gone(peer, "another process has taken its place", now)
        name = self._names.get(self.link.key_of(peer))
        if name is None:
            self.link.dismiss(peer, "this key is not authorised any more", now)
            return
        self._known.add(peer)
        is_owner = name == self._keys.user_name
        self._feed(PeerArrived(peer, name, theirs.role[:40], theirs.host[:255], is_owner), now)

    def _gone(self, peer: bytes, reason: str, now: float) -> None:
        if peer in self._known:
            self._known.discard(peer)
            self._feed(PeerLeft(peer, reason), now)

    # --------------------------------------------------------------------------------------------------------- core

    def _feed(self, event: Event, now: float) -> None:
        for instruction in self._core.handle(event, now):
            self._perform(instruction, now)

    def _perform(self, instruction: Instruction, now: float) -> None:
        match instruction:
            case Tell(peer, message):
                self._tell(peer, message, now)
            case TurnAway(peer, reason):
                self._known.discard(peer)
                self.link.dismiss(peer, reason, now)
            case Log(text, is_trouble):
                log.log(logging.WARNING if is_trouble else logging.INFO, "%s", text)
            case KeepDrained(machines):
                keep_drained(self._keys.path, machines)
            case AuthorizeKey(asked_by, name, key):
                self._change_keys(asked_by, lambda: self._authorize(name, key), now)
            case RevokeKey(asked_by, name):
                self._change_keys(asked_by, lambda: self._revoke(name), now, UserRevoked(name, asked_by))
            case ShutOut(user):
                self.link.shut_out(self._revoked.pop(user), f"user {user} was revoked", now)
                log.info("connections of %s are ended", user)

    def _tell(self, peer: bytes, message: Message, now: float) -> None:
        try:
            self.link.send(peer, [message], now)
        except LocalProtocolError as error:
            self._turn_away(peer, f"too much waits to be said: {error}", now)

    def _turn_away(self, peer: bytes, reason: str, now: float) -> None:
        self.link.dismiss(peer, reason, now)
        self._gone(peer, reason, now)

    # ---------------------------------------------------------------------------------------------------------- keys

    def _change_keys(self, asked_by: bytes, change: Callable[[], str], now: float, then: Event | None = None) -> None:
        """The core answers where something is left to do, we where not."""
        try:
            text = change()
        except (KeysError, OSError) as error:
            self._tell(asked_by, Answer(False, str(error), Blob(b"")), now)
            return
        self._names = self._keys.authorized()
        if then is not None:
            self._feed(then, now)
        else:
            self._tell(asked_by, Answer(True, text, Blob(b"")), now)

    def _authorize(self, name: str, key: str) -> str:
        try:
            public = key.encode("ascii")
        except UnicodeEncodeError:
            raise KeysError("a key has 40 characters of Z85") from None
        self._keys.authorize_key(name, public)
        return f"{name} is authorised"

    def _revoke(self, name: str) -> str:
        self._revoked[name] = self._keys.revoke(name)
        return ""


def _drain(woken: socket.socket) -> None:
    try:
        while woken.recv(4096):
            pass
    except BlockingIOError:
        pass
