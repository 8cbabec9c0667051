"""Links over zmq: sockets around sessions, decisions in `session`.

    caller:  poll link.socket until link.deadline(); act on link.receive(now), then on link.tick(now); link.send(...)

Rules
- Single-threaded; the caller owns the zmq.Context and the one blocking zmq.Poller. Nothing here blocks, but for
  ClientLink's start, which gives the connection CONNECT_WAIT_MS to come up so that the first hello leaves at once.
- `receive` before `tick`: a process that was suspended finds what its peers said meanwhile before it calls them silent.
- A forked child never touches a link: sends on an inherited zmq socket return without error and are lost. Asserted.
- tcp:// demands CURVE (see `curve`), ipc:// refuses it: there the directory's mode says who may connect.
- Over TCP a peer belongs to the key under which it said its first hello. What comes under its identity with another
  key is ignored. Its messages to us can't be stolen, then; ours to it neither, as long as nobody guesses its identity,
  which is random and travels encrypted.
- Whether the transport is there is learned from sending: ROUTER_MANDATORY and, on the DEALER, IMMEDIATE make a send
  without a connection fail, so nothing piles up in zmq for a peer that is away; the session keeps it. Losses that zmq
  does not report the session finds by its numbers.
- ROUTER_HANDOVER: a peer whose connection broke unnoticed here comes back under its identity and takes over.
  Identities are random per ClientLink, so a restarted process never inherits one.
- High-water marks are 0 (a ROUTER drops silently at its mark): what bounds memory is the session's outbox. LINGER is 0:
  what must arrive is acknowledged before `close`.
- What only TCP needs is imported only there: pyzmq's monitor and authenticator bring asyncio and ssl along, which every
  forked job would carry.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import zmq

from ppg_protocol import limits
from ppg_protocol.agenda import Agenda
from ppg_protocol.codec import Message
from ppg_protocol.curve import CurveClient, CurveServer, admits, guard_connections
from ppg_protocol.endpoints import TcpAddress, parse_endpoint
from ppg_protocol.errors import LocalProtocolError
from ppg_protocol.listener import IpcListener, TcpListener
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

if TYPE_CHECKING:
    from ppg_protocol.dialer import Dialer

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


def _address(endpoint: str, curve: CurveServer | CurveClient | None) -> TcpAddress | None:
    address = parse_endpoint(endpoint, serving=not isinstance(curve, CurveClient))
    if (address is None) != (curve is None):
        what = "needs CURVE keys" if curve is None else "has no use for CURVE keys"
        raise LocalProtocolError(f"can't use {endpoint}: a link over {endpoint.partition(':')[0]} {what}")
    return address


class ServerLink(Link):
    """The end that binds: one session per peer.

    A peer is known from its first fitting hello until it is refused or dismissed. Whoever was is told so again when it
    goes on talking: it may have missed it.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        hello: Hello,
        timing: Timing,
        curve: CurveServer | None = None,
    ) -> None:
        """Raises LocalProtocolError for an endpoint that can't be used, zmq.ZMQError when it can't be bound."""
        address = _address(endpoint, curve)
        super().__init__(context.socket(zmq.ROUTER))
        self.ignored = 0
        """Envelopes of strangers that were no hello, or came when the table was full, or with a key that is not (or
        no more) the peer's."""
        self._hello, self._timing, self._curve, self._context = hello, timing, curve, context
        self._sessions: dict[bytes, Session] = {}
        self._ended: dict[bytes, Session] = {}
        self._keys: dict[bytes, bytes] = {}
        self._agenda = Agenda()
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._domain: str | None = None
        try:
            self._listener = self._listen(endpoint, address)
        except BaseException:
            super().close()
            self._close_door()
            raise

    @property
    def endpoint(self) -> str:
        """Where it listens, with the port that was found."""
        return self._listener.endpoint

    def session(self, peer: bytes) -> Session | None:
        return self._sessions.get(peer)

    def key_of(self, peer: bytes) -> bytes:
        """The public key (Z85) of a peer with a session. Raises KeyError for others, and on ipc://."""
        return self._keys[peer]

    def receive(self, now: float) -> list[Delivery]:
        for _ in range(limits.DRAIN_ENVELOPES):
            try:
                peer, key, frames = self._receive_one()
            except zmq.Again:
                break
            self._on_frames(peer, key, frames, now)
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

    def shut_out(self, public_key: bytes, reason: str, now: float) -> None:
        """End the sessions and connections of this key, which `CurveServer.admit` must refuse by now.

        All other connections end, too. Their clients are back within milliseconds; the sessions lose nothing by it.
        """
        for peer in [peer for peer in self._sessions if self._keys.get(peer) == public_key]:
            self.dismiss(peer, reason, now)
        self._listener.hang_up()

    def close(self) -> None:
        super().close()
        self._listener.close()
        self._close_door()

    def _listen(self, endpoint: str, address: TcpAddress | None) -> IpcListener | TcpListener:
        if address is None or self._curve is None:
            return IpcListener(self.socket, endpoint)
        from ppg_protocol.doorkeeper import open_door

        self._domain = open_door(self._context, self._curve.admit)
        self._curve.secure(self.socket, self._domain.encode())
        guard_connections(self.socket, self._timing.silence_s)
        return TcpListener(self.socket, address)

    def _close_door(self) -> None:
        domain, self._domain = self._domain, None
        if domain is not None:
            from ppg_protocol.doorkeeper import close_door

            close_door(self._context, domain)

    def _receive_one(self) -> tuple[bytes, bytes, list[bytes]]:
        if self._curve is None:
            peer, *frames = self.socket.recv_multipart(zmq.NOBLOCK)
            return peer, b"", frames
        parts = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        key = str(parts[-1].get("User-Id")).encode()
        return parts[0].bytes, key, [part.bytes for part in parts[1:]]

    def _on_frames(self, peer: bytes, key: bytes, frames: Sequence[bytes], now: float) -> None:
        session = self._sessions.get(peer) or self._ended.get(peer)
        if session is None:
            if len(self._sessions) >= limits.PEERS or not self._admits(key):
                self.ignored += 1
                return
            session = Session(self._hello, self._timing, initiator=False)
        elif self._keys.get(peer, b"") != key:
            self.ignored += 1
            return
        self._run(peer, session, Received(frames), now)
        if key and (peer in self._sessions or peer in self._ended):
            self._keys[peer] = key

    def _admits(self, key: bytes) -> bool:
        """Asked again: what was sent before a key was shut out may be read after."""
        return self._curve is None or admits(self._curve.admit, key)

    def _run(self, peer: bytes, session: Session, event: Event, now: float) -> None:
        super()._run(peer, session, event, now)
        if session.state is State.ENDED:
            self._sessions.pop(peer, None)
            self._ended[peer] = session
            if len(self._ended) > limits.PEERS:
                oldest = next(iter(self._ended))
                del self._ended[oldest]
                self._keys.pop(oldest, None)
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
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        hello: Hello,
        timing: Timing,
        now: float,
        curve: CurveClient | None = None,
    ) -> None:
        """Says hello; the server need not be there yet.

        Raises LocalProtocolError for an endpoint that can't be used, zmq.ZMQError when zmq refuses it.
        """
        address = _address(endpoint, curve)
        super().__init__(context.socket(zmq.DEALER))
        self._dialer: Dialer | None = None
        self._session = Session(hello, timing, initiator=True)
        self.socket.setsockopt(zmq.IDENTITY, b"\x01" + os.urandom(15))  # zmq reserves those that begin with 0
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
        try:
            self._connect(endpoint, address, curve)
        except BaseException:
            super().close()
            raise
        self.socket.poll(CONNECT_WAIT_MS, zmq.POLLOUT)
        self._run(SERVER, self._session, Opened(), now)

    @property
    def trouble(self) -> str | None:
        """Why there is no connection, as far as is known, in words for the user. Renewed by `tick`; None on ipc://."""
        return None if self._dialer is None else self._dialer.trouble

    @property
    def is_denied(self) -> bool:
        """The server has said that it does not admit our key; it may change its mind. Renewed by `tick`."""
        return self._dialer is not None and self._dialer.is_denied

    @property
    def is_deserted(self) -> bool:
        """Nobody listens at the server's address. Renewed by `tick`; False on ipc://."""
        return self._dialer is not None and self._dialer.is_deserted

    def session(self, peer: bytes = SERVER) -> Session:
        return self._session

    def ask_for_acknowledgement(self, now: float) -> None:
        """Have the server say at once what has arrived: it answers each hello so. Otherwise that comes with whatever it
        says next, which is soon enough for everybody but who is about to leave."""
        self._run(SERVER, self._session, Opened(), now)

    def receive(self, now: float) -> list[Delivery]:
        for _ in range(limits.DRAIN_ENVELOPES):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._run(SERVER, self._session, Received(frames), now)
        return self._take()

    def tick(self, now: float) -> list[Delivery]:
        if self._dialer is not None:
            self._dialer.tick(now)
        self._run(SERVER, self._session, Tick(), now)
        return self._take()

    def deadline(self) -> float | None:
        return float("-inf") if self._pending else self._session.deadline()

    def close(self) -> None:
        if self._dialer is not None:
            self._dialer.close()
        super().close()

    def _connect(self, endpoint: str, address: TcpAddress | None, curve: CurveClient | None) -> None:
        if address is None or curve is None:
            self.socket.connect(endpoint)
            return
        curve.secure(self.socket)
        guard_connections(self.socket, self._session.timing.silence_s)
        if address.is_ipv6:
            self.socket.setsockopt(zmq.IPV6, 1)
        from ppg_protocol.dialer import Dialer

        self._dialer = Dialer(self.socket, endpoint)

    def _transmit(self, peer: bytes, frames: Sequence[bytes]) -> bool:
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True
