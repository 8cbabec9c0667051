"""One end of a link as a pure machine: hello, numbering, acknowledgement, resend, heartbeats, silence.

    state     event                                 -> state     instructions
    --------  ------------------------------------  -----------  ----------------------------------------------------
    IDLE      Opened                  (initiator)      GREETING  Transmit(hello)
    IDLE      hello that fits         (acceptor)       LINKED    Transmit(hello), Established | PeerReturned |, resend
    IDLE      any other envelope      (acceptor)       IDLE      Transmit("say hello")
    GREETING  hello that fits                          LINKED    Established | PeerReturned |, resend
    GREETING  any other envelope                       GREETING
    GREETING  Tick when a retry is due, Opened         GREETING  Transmit(hello)
    LINKED    envelope without a gap                   LINKED    Deliver what is new; Transmit(ack) when much is owed
    LINKED    envelope with a gap     (initiator)      GREETING  Transmit(hello), from the second time on after a delay
    LINKED    envelope with a gap     (acceptor)       IDLE      Transmit("say hello")
    LINKED    "say hello", Opened     (initiator)      GREETING  Transmit(hello)
    LINKED    hello that fits         (acceptor)       LINKED    as in IDLE
    LINKED    hello that fits         (initiator)      LINKED    Established, if it is another process
    LINKED    Tick after silence      (initiator)      GREETING  PeerSilent, Transmit(hello)
    LINKED    Tick after silence      (acceptor)       IDLE      PeerSilent
    LINKED    Tick every heartbeat_s                   LINKED    HeartbeatDue, or Transmit(ack) when the outbox is full
    LINKED    Dropped         (initiator, acceptor)    GREETING, IDLE
    any       Send                                     same      Transmit when LINKED; else resent once it is
    any       hello that does not fit                  ENDED     Transmit(refuse), Refused
    any       violation by a peer that was established ENDED     Transmit(refuse), Refused
    any       refuse, but from strangers               ENDED     Refused
    any       Dismiss                                  ENDED     Transmit(refuse)
    ENDED     any envelope but a refusal               ENDED     Transmit(refuse) again, unless the peer refused us
    ENDED     anything else                            ENDED

Rules
- The *initiator* says hello, the *acceptor* answers each hello with its own. The acceptor never begins, it asks for a
  hello with an empty envelope numbered 0. So there is one way into LINKED and whatever goes wrong falls back to it.
- Numbers belong to a pair of processes (their `instance`s). An answering hello states where the acceptor stands, so
  the initiator resends from there; the acceptor, which a first hello tells nothing about numbers, resends all that it
  keeps. A hello from another instance starts the numbers anew on both sides and forgets what was kept for the old
  process.
- A gap means that the transport lost something without saying so: zmq reconnects silently, and drops what the old
  connection held. It is closed by a renewed hello. Every envelope carries the number it begins at, an empty one too,
  so the loss of the last message shows at the next heartbeat, and no retransmission timer is needed. The fault is the
  peer's when an answering hello can't close the gap, or when FRUITLESS_RESYNCS hellos in a row did not.
- Duplicates are dropped by number. A number counts as processed when it was delivered: owners handle all that was
  delivered before they answer HeartbeatDue.
- Heartbeats are due every `heartbeat_s` while LINKED, also when other messages travel: the peer compares their lists.
- Nothing a peer sends raises out of `handle`. A stranger that talks garbage is ignored. LocalProtocolError, for our own
  messages that break a limit, is raised before anything changes.

Rejected: timers per message (see above); negative acknowledgements (a second way to recover, to be tested twice); a
monitor on the zmq socket (it reports a reconnect after messages may have gone out on the new connection).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf

from ppg_protocol import limits
from ppg_protocol.codec import Message
from ppg_protocol.envelope import Envelope, seal, seal_one, unseal
from ppg_protocol.errors import LocalProtocolError, RemoteProtocolError
from ppg_protocol.handshake import refusal
from ppg_protocol.messages import Hello, Refuse
from ppg_protocol.outbox import Outbox
from ppg_protocol.session_events import (
    Deliver,
    Dismiss,
    Dropped,
    Established,
    Event,
    HeartbeatDue,
    Instruction,
    Opened,
    PeerReturned,
    PeerSilent,
    Received,
    Refused,
    Send,
    Tick,
    Transmit,
)

UNNUMBERED: frozenset[type] = frozenset({Hello, Refuse})
SAY_HELLO = Transmit(seal_one(0, 0).frames)


class State(Enum):
    """See the table above."""

    IDLE = "idle"
    GREETING = "greeting"
    LINKED = "linked"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Timing:
    """How often we speak, and how long the peer may be quiet before it is reported."""

    heartbeat_s: float
    silence_s: float

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_s < self.silence_s:
            raise LocalProtocolError(f"silence_s ({self.silence_s}) must exceed heartbeat_s ({self.heartbeat_s}) > 0")


class Session:
    """One end of one link. `initiator` says hello first; the other end must be the acceptor."""

    def __init__(self, hello: Hello, timing: Timing, initiator: bool) -> None:
        self.state = State.IDLE
        self.hello = hello
        self.peer: Hello | None = None
        """The last hello that fitted."""
        self.outbox = Outbox()
        self.processed = 0
        """The number of the peer's last message that was delivered."""
        self.timing = timing
        self._initiator = initiator
        self._greeting = Transmit(seal_one(0, 0, [hello]).frames)
        self._owed_messages = 0
        self._owed_bytes = 0
        self._heard_at: float | None = None
        self._silent = False
        # Invariant: finite only in the state that waits for them, LINKED and GREETING.
        self._heartbeat_at = inf
        self._hello_at = inf
        self._hello_delay_s = limits.FIRST_RETRY_S
        self._fruitless = 0
        self._farewell: Transmit | None = None

    @property
    def confirmed_at(self) -> float | None:
        """When the newest message that the peer acknowledged was first sent: what leases are measured from."""
        return self.outbox.confirmed_at

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """What to do about the event.

        Raises LocalProtocolError for a Send that breaks a limit; then nothing has changed.
        """
        if self.state is State.ENDED:
            return self._on_ended(event)
        match event:
            case Received(frames):
                try:
                    return self._on_envelope(unseal(frames), sum(map(len, frames)), now)
                except RemoteProtocolError as error:
                    return self._on_violation(error)
            case Send(messages):
                return self._on_send(messages, now)
            case Tick():
                return self._on_tick(now)
            case Opened():
                return self._greet(now) if self._initiator else []
            case Dropped():
                return self._on_dropped(now)
            case Dismiss(reason):
                return self._end(reason)[:1]

    def deadline(self) -> float | None:
        """When Tick is due at the latest; None when only another event can change anything."""
        if self.state is State.ENDED:
            return None
        silence_at = inf if self._heard_at is None or self._silent else self._heard_at + self.timing.silence_s
        first = min(silence_at, self._heartbeat_at, self._hello_at)
        return None if first == inf else first

    def sanity_check(self) -> None:
        """For tests: asserts the invariants."""
        self.outbox.sanity_check()
        assert (self._heartbeat_at < inf) == (self.state is State.LINKED)
        assert (self._hello_at < inf) == (self.state is State.GREETING)
        assert self._initiator or self.state is not State.GREETING
        assert self.state is not State.LINKED or (self.peer is not None and not self._silent)
        assert self._owed_messages < limits.ACK_MESSAGES
        assert self._owed_bytes < limits.ACK_BYTES

    # -------------------------------------------------------------------------------------------- what the peer says

    def _on_envelope(self, envelope: Envelope, size_bytes: int, now: float) -> list[Instruction]:
        messages = envelope.messages
        if not UNNUMBERED.isdisjoint(map(type, messages)):
            if len(messages) > 1:
                raise RemoteProtocolError("received a hello or refusal that was not alone in its envelope")
            if isinstance(messages[0], Refuse):
                return self._on_refuse(messages[0])
            assert isinstance(messages[0], Hello)
            return self._on_hello(messages[0], envelope, now)
        if self.state is not State.LINKED:
            return [] if self._initiator else [SAY_HELLO]
        if envelope.first == 0:
            if messages or not self._initiator:
                raise RemoteProtocolError(f"received {len(messages)} messages numbered from 0")
            return self._resync(now)
        self.outbox.acknowledge(envelope.acknowledged)
        if envelope.first > self.processed + 1:
            return self._resync(now)
        return self._on_numbered(envelope, size_bytes, now)

    def _on_numbered(self, envelope: Envelope, size_bytes: int, now: float) -> list[Instruction]:
        self._fruitless = 0
        self._hello_delay_s = limits.FIRST_RETRY_S
        self._heard_at = now
        fresh = envelope.messages[self.processed + 1 - envelope.first :]
        if not fresh:
            return []
        self.processed += len(fresh)
        self._owed_messages += len(fresh)
        self._owed_bytes += size_bytes
        instructions: list[Instruction] = [Deliver(fresh, envelope.acknowledged)]
        if self._owed_messages >= limits.ACK_MESSAGES or self._owed_bytes >= limits.ACK_BYTES:
            instructions.append(self._acknowledgement())
        return instructions

    def _on_hello(self, hello: Hello, envelope: Envelope, now: float) -> list[Instruction]:
        if self._initiator and self.state is State.IDLE:
            return []
        reason = refusal(self.hello, hello)
        if reason is not None:
            return self._end(reason)
        meets_another = self.peer is None or self.peer.instance != hello.instance
        if meets_another:
            self._forget_peer()
        if self._initiator:
            self._check_answer(envelope)
        resend = [Transmit(frames) for frames in self.outbox.resend()]
        instructions: list[Instruction] = []
        if not self._initiator:
            answer = seal_one(self.outbox.first_kept, self.processed, [self.hello])
            instructions.append(Transmit(answer.frames))
        elif self.state is State.LINKED:
            resend = []  # an answer to an earlier hello; the first answer had them resent
        if meets_another:
            instructions.append(Established(hello))
        elif self._silent:
            instructions.append(PeerReturned())
        self.peer, self._heard_at, self._silent = hello, now, False
        self._enter(State.LINKED, now)
        return instructions + resend

    def _check_answer(self, envelope: Envelope) -> None:
        """The acceptor's hello says where it stands. Raises RemoteProtocolError when that can't be brought together."""
        if self.outbox.first_kept <= envelope.acknowledged:
            self._fruitless = 0
        if not 1 <= envelope.first <= self.processed + 1:
            raise RemoteProtocolError(
                f"the peer resends from message {envelope.first}, but only {self.processed} were received before: "
                "it has forgotten the others"
            )
        self.outbox.acknowledge(envelope.acknowledged)

    def _forget_peer(self) -> None:
        """Numbers start anew. What was kept stays only if no process was met before: it was meant for the first one."""
        if self.peer is not None:
            self.outbox = Outbox()
        self.processed = self._owed_messages = self._owed_bytes = 0

    def _on_refuse(self, refuse: Refuse) -> list[Instruction]:
        if self.peer is None and not self._initiator:
            return []
        self._enter(State.ENDED)
        self.outbox = Outbox()
        return [Refused(f"the other side refused: {refuse.reason:.2000}")]

    def _on_ended(self, event: Event) -> list[Instruction]:
        """The peer may have missed that we refused it."""
        if self._farewell is None or not isinstance(event, Received):
            return []
        try:
            envelope = unseal(event.frames)
        except RemoteProtocolError:
            return []
        return [] if Refuse in map(type, envelope.messages) else [self._farewell]

    def _on_violation(self, error: RemoteProtocolError) -> list[Instruction]:
        return [] if self.peer is None and not self._initiator else self._end(str(error))

    # --------------------------------------------------------------------------------- what our side says and sees

    def _on_send(self, messages: Sequence[Message], now: float) -> list[Instruction]:
        if not UNNUMBERED.isdisjoint(map(type, messages)):
            raise LocalProtocolError("hello and refusal are the session's own to send")
        sealed = seal(self.outbox.sent + 1, self.processed, messages)
        self.outbox.add(sealed, now)
        if self.state is not State.LINKED or not sealed:
            return []
        self._owed_messages = self._owed_bytes = 0
        return [Transmit(one.frames) for one in sealed]

    def _on_tick(self, now: float) -> list[Instruction]:
        instructions: list[Instruction] = []
        if not self._silent and self._heard_at is not None and now >= self._heard_at + self.timing.silence_s:
            self._silent = True
            instructions.append(PeerSilent(self._heard_at))
            if self.state is State.LINKED:
                self._fall_back(now)
        if now >= self._hello_at:
            instructions += self._greet(now)
        if now >= self._heartbeat_at:
            self._heartbeat_at = now + self.timing.heartbeat_s
            instructions.append(self._acknowledgement() if self.outbox.full else HeartbeatDue())
        return instructions

    def _on_dropped(self, now: float) -> list[Instruction]:
        if self.state is State.LINKED:
            self._fall_back(now + self._hello_delay_s)
        return []

    # --------------------------------------------------------------------------------------------------- transitions

    def _greet(self, now: float) -> list[Instruction]:
        if self._heard_at is None:
            self._heard_at = now
        self._enter(State.GREETING, now + self._hello_delay_s)
        self._hello_delay_s = min(2 * self._hello_delay_s, self.timing.heartbeat_s)
        return [self._greeting]

    def _acknowledgement(self) -> Transmit:
        self._owed_messages = self._owed_bytes = 0
        return Transmit(seal_one(self.outbox.sent + 1, self.processed).frames)

    def _resync(self, now: float) -> list[Instruction]:
        """Something was lost on the way here, or on the way there."""
        self._fruitless += 1
        if self._fruitless > limits.FRUITLESS_RESYNCS:
            raise RemoteProtocolError(f"{limits.FRUITLESS_RESYNCS} hellos in a row did not close a gap in the numbers")
        if not self._initiator:
            self._enter(State.IDLE)
            return [SAY_HELLO]
        if self._fruitless == 1:
            return self._greet(now)
        self._enter(State.GREETING, now + self._hello_delay_s)
        return []

    def _fall_back(self, hello_at: float) -> None:
        if self._initiator:
            self._enter(State.GREETING, hello_at)
        else:
            self._enter(State.IDLE)

    def _end(self, reason: str) -> list[Instruction]:
        self._enter(State.ENDED)
        self.outbox = Outbox()
        self._farewell = Transmit(seal_one(0, 0, [Refuse(reason[:2000])]).frames)
        return [self._farewell, Refused(reason)]

    def _enter(self, state: State, at: float = inf) -> None:
        """`at`: when the next hello (GREETING) or heartbeat (LINKED) is due. A link that is up keeps its rhythm."""
        if state is State.LINKED is self.state:
            return
        self.state = state
        self._heartbeat_at = at if state is State.LINKED else inf
        self._hello_at = at if state is State.GREETING else inf
