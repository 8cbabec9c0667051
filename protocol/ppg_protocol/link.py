"""Links over zmq: sockets around sessions, decisions in `session`.

    caller:  poll link.socket until link.deadline(); act on link.receive(now), then on link.tick(now); link.send(...)

Rules
- Single-threaded; the caller owns the zmq.Context and the one blocking zmq.Poller. Nothing here blocks, but for
  ClientLink's start, which gives the connection CONNECT_WAIT_MS to come up so that the first hello leaves at once.
- `receive` before `tick`: a process that was suspended finds what its peers said meanwhile before it calls them silent.
- A forked child never touches a link: sends on an inherited zmq socket return without error and are lost. Asserted.
- Only ipc:// for now: no TCP socket without CURVE.
- Whether the transport is there is learned from sending: ROUTER_MANDATORY and, on the DEALER, IMMEDIATE make a send
  without a connection fail, so nothing piles up in zmq for a peer that is away; the session keeps it. Losses that zmq
  does not report the session finds by its numbers.
- ROUTER_HANDOVER: a peer whose connection broke unnoticed here comes back under its identity and takes over.
  Identities are random per ClientLink, so a restarted process never inherits one.
- High-water marks are 0 (a ROUTER drops silently at its mark): what bounds memory is the session's outbox. LINGER is 0:
  what must arrive is acknowledged before `close`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zmq

from ppg_protocol import limits
from ppg_protocol.agenda import Agenda
from ppg_protocol.codec import Message
from ppg_protocol.errors import LocalProtocolError
from ppg_protocol.messages import Hello
from ppg_protocol.session import Session, State, Timing
from ppg_protocol.session_events import (
    Deliver,
    Dismiss,
    Dropped,
    Established,
    Event,
    HeartbeatDue,
    Opened,
    PeerReturned,
    PeerSilent,
    Received,
    Refused,
    Send,
    Tick,
    Transmit,
)

SERVER = b""
"""How a ClientLink names its only peer."""

CONNECT_WAIT_MS = 50
RECONNECT_MS = 10
RECONNECT_MAX_MS = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something for the owner, and the peer it concerns."""

    peer: bytes
    what: Established | Deliver | HeartbeatDue | PeerSilent | PeerReturned | Refused


class Link(ABC):
    """What both ends share. `socket` is for the caller's zmq.Poller, POLLIN."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket
        self._pid = os.getpid()
        self._pending: list[Delivery] = []
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, limits.FRAME_BYTES)

    @abstractmethod
    def session(self, peer: bytes) -> Session | None:
        """The session with this peer, to be looked at only; None when there is none (any more)."""

    @abstractmethod
    def receive(self, now: float) -> list[Delivery]:
        """What has arrived, at most DRAIN_ENVELOPES of it."""

    @abstractmethod
    def tick(self, now: float) -> list[Delivery]:
        """What time has brought. The only source of HeartbeatDue."""

    @abstractmethod
    def deadline(self) -> float | None:
        """When to call `tick` at the latest; in the past when deliveries wait."""

    @abstractmethod
    def _transmit(self, peer: bytes, frames: Sequence[bytes]) -> bool:
        """Whether zmq took them."""

    def send(self, peer: bytes, messages: Sequence[Message], now: float) -> int:
        """Say this, now or when the link is up again; returns the number of the last message, to which
        `Deliver.acknowledged` refers. 0 when the session with this peer has ended, of which Refused tells or has told.

        Raises LocalProtocolError when a message breaks a limit or too much is unacknowledged; then none was sent.
        """
        session = self.session(peer)
        if session is None or session.state is State.ENDED:
            return 0
        self._run(peer, session, Send(messages), now)
        return session.outbox.sent

    def close(self) -> None:
        """Close the socket at once; the context is the caller's."""
        self.socket.close(linger=0)

    def _run(self, peer: bytes, session: Session, event: Event, now: float) -> None:
        assert os.getpid() == self._pid, "a forked child must not use the links of its parent"
        connected = True
        for instruction in session.handle(event, now):
            if isinstance(instruction, Transmit):
                connected = connected and self._transmit(peer, instruction.frames)
            else:
                self._pending.append(Delivery(peer, instruction))
        if not connected:
            answer = session.handle(Dropped(), now)
            assert not answer, answer

    def _take(self) -> list[Delivery]:
        pending, self._pending = self._pending, []
        return pending


def _check_endpoint(endpoint: str) -> None:
    scheme, _, path = endpoint.partition("://")
    if scheme != "ipc":
        raise LocalProtocolError(f"can't use {endpoint}: only ipc:// is spoken here, other transports need CURVE")
    if not 0 < len(os.fsencode(path)) <= limits.IPC_PATH_BYTES:
        raise LocalProtocolError(
            f"can't use {endpoint}: the path of a Unix socket has 1 to {limits.IPC_PATH_BYTES} bytes, this one "
            f"{len(os.fsencode(path))}; choose a directory with a shorter name"
        )


def _closing_on_error(socket: zmq.Socket[bytes], action: Callable[[str], object], endpoint: str) -> None:
    try:
        action(endpoint)
    except zmq.ZMQError:
        socket.close(linger=0)
        raise


class ServerLink(Link):
    """The end that binds: one session per peer.

    A peer is known from its first fitting hello until it is refused or dismissed. Whoever was is told so again when it
    goes on talking: it may have missed it.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, hello: Hello, timing: Timing) -> None:
        """Raises LocalProtocolError for an endpoint that can't be used, zmq.ZMQError when it can't be bound."""
        _check_endpoint(endpoint)
        super().__init__(context.socket(zmq.ROUTER))
        self.ignored = 0
        """Envelopes of strangers that were no hello, or came when the table was full."""
        self._hello, self._timing = hello, timing
        self._sessions: dict[bytes, Session] = {}
        self._ended: dict[bytes, Session] = {}
        self._agenda = Agenda()
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        _closing_on_error(self.socket, self.socket.bind, endpoint)

    def session(self, peer: bytes) -> Session | None:
        return self._sessions.get(peer)

    def receive(self, now: float) -> list[Delivery]:
        for _ in range(limits.DRAIN_ENVELOPES):
            try:
                peer, *frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._on_frames(peer, frames, now)
        return self._take()

    def tick(self, now: float) -> list[Delivery]:
        for peer in self._agenda.due(now):
            self._run(peer, self._sessions[peer], Tick(), now)
        return self._take()

    def deadline(self) -> float | None:
        return float("-inf") if self._pending else self._agenda.next()

    def dismiss(self, peer: bytes, reason: str, now: float) -> None:
        """End the session with a peer: one that stayed silent, or that is not wanted. It is told, if it listens."""
        session = self._sessions.get(peer)
        if session is not None:
            self._run(peer, session, Dismiss(reason), now)

    def _on_frames(self, peer: bytes, frames: Sequence[bytes], now: float) -> None:
        session = self._sessions.get(peer) or self._ended.get(peer)
        if session is None:
            if len(self._sessions) >= limits.PEERS:
                self.ignored += 1
                return
            session = Session(self._hello, self._timing, initiator=False)
        self._run(peer, session, Received(frames), now)

    def _run(self, peer: bytes, session: Session, event: Event, now: float) -> None:
        super()._run(peer, session, event, now)
        if session.state is State.ENDED:
            self._sessions.pop(peer, None)
            self._ended[peer] = session
            if len(self._ended) > limits.PEERS:
                del self._ended[next(iter(self._ended))]
        elif session.peer is not None:
            self._sessions[peer] = session
        else:
            self.ignored += 1
        self._agenda.put(peer, session.deadline())

    def _transmit(self, peer: bytes, frames: Sequence[bytes]) -> bool:
        try:
            self.socket.send_multipart([peer, *frames], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                return False
            raise
        return True


class ClientLink(Link):
    """The end that connects, and reconnects by itself. Its only peer is SERVER."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, hello: Hello, timing: Timing, now: float
    ) -> None:
        """Says hello; the server need not be there yet.

        Raises LocalProtocolError for an endpoint that can't be used, zmq.ZMQError when zmq refuses it.
        """
        _check_endpoint(endpoint)
        super().__init__(context.socket(zmq.DEALER))
        self._session = Session(hello, timing, initiator=True)
        self.socket.setsockopt(zmq.IDENTITY, b"\x01" + os.urandom(15))  # zmq reserves those that begin with 0
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
        _closing_on_error(self.socket, self.socket.connect, endpoint)
        self.socket.poll(CONNECT_WAIT_MS, zmq.POLLOUT)
        self._run(SERVER, self._session, Opened(), now)

    def session(self, peer: bytes = SERVER) -> Session | None:
        return self._session

    def receive(self, now: float) -> list[Delivery]:
        for _ in range(limits.DRAIN_ENVELOPES):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._run(SERVER, self._session, Received(frames), now)
        return self._take()

    def tick(self, now: float) -> list[Delivery]:
        self._run(SERVER, self._session, Tick(), now)
        return self._take()

    def deadline(self) -> float | None:
        return float("-inf") if self._pending else self._session.deadline()

    def _transmit(self, peer: bytes, frames: Sequence[bytes]) -> bool:
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True
