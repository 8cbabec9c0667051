"""Two real sessions joined by a fake transport that carries bytes, and loses and repeats them like zmq and worse."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from wire_samples import hello

from ppg_protocol.messages import Ack, Heartbeat, Hello
from ppg_protocol.session import Session, Timing
from ppg_protocol.session_events import (
    Deliver,
    Dropped,
    Established,
    Event,
    HeartbeatDue,
    Opened,
    Received,
    Refused,
    Send,
    Tick,
    Transmit,
)

TIMING = Timing(heartbeat_s=1.0, silence_s=5.0)


class End:
    """A session and its owner, who counts what it is given and answers heartbeats."""

    def __init__(self, initiator: bool, mine: Hello) -> None:
        self.session = Session(mine, TIMING, initiator)
        self.instructions: list[Any] = []
        self.heard: list[int] = []
        self.said = 0
        self.delivered = 0
        self.refusals: list[str] = []

    def take(self, deliver: Deliver) -> None:
        """A heartbeat says how many messages its sender had been given: that is what its `acknowledged` must say."""
        self.delivered += len(deliver.messages)
        for message in deliver.messages:
            if isinstance(message, Ack):
                self.heard += message.attempts
            else:
                assert isinstance(message, Heartbeat)
                assert message.memory_bytes == deliver.acknowledged


class FakeLink:
    """`initiator` and `acceptor` and what travels between them. Time moves only by `wait`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.up = True
        self.initiator = End(True, hello("supervisor"))
        self.acceptor = End(False, hello("mcp"))
        self.travelling: dict[End, deque[Sequence[bytes]]] = {self.initiator: deque(), self.acceptor: deque()}
        self.last: dict[End, Sequence[bytes]] = {}

    @property
    def ends(self) -> tuple[End, End]:
        return self.initiator, self.acceptor

    def other(self, end: End) -> End:
        return self.acceptor if end is self.initiator else self.initiator

    def handle(self, end: End, event: Event) -> list[Any]:
        instructions = end.session.handle(event, self.now)
        connected = True
        for instruction in instructions:
            if isinstance(instruction, Transmit):
                connected = connected and self.up
                if connected:
                    self.travelling[self.other(end)].append(instruction.frames)
            elif isinstance(instruction, Deliver):
                end.take(instruction)
            elif isinstance(instruction, Established):
                end.delivered = 0
            elif isinstance(instruction, Refused):
                end.refusals.append(instruction.reason)
            if not isinstance(instruction, Transmit | Deliver):
                end.instructions.append(instruction)
        if not connected:
            assert end.session.handle(Dropped(), self.now) == []
        end.session.sanity_check()
        if any(isinstance(instruction, HeartbeatDue) for instruction in instructions):
            self.handle(end, Send([Heartbeat((), (), end.delivered)]))
        return instructions

    def open(self) -> None:
        self.handle(self.initiator, Opened())
        self.flow()

    def say(self, end: End, count: int) -> None:
        """`count` messages in one Send, numbered by their sender."""
        self.handle(end, Send([Ack((end.said + i,)) for i in range(count)]))
        end.said += count

    def deliver_one(self, end: End) -> None:
        """Hand the next envelope to this end."""
        if self.travelling[end]:
            self.last[end] = self.travelling[end].popleft()
            self.handle(end, Received(self.last[end]))

    def flow(self) -> None:
        """Everything that travels arrives, and what is said in answer to it."""
        while any(self.travelling.values()):
            for end in self.ends:
                self.deliver_one(end)

    def lose_all(self) -> None:
        """The connection breaks; neither end is told."""
        for queue in self.travelling.values():
            queue.clear()

    def lose_one(self, end: End) -> None:
        if self.travelling[end]:
            self.travelling[end].popleft()

    def repeat(self, end: End) -> None:
        if end in self.last:
            self.handle(end, Received(self.last[end]))

    def wait(self, seconds: float) -> None:
        """Let time pass, with a Tick for each end whose deadline comes; nothing arrives meanwhile."""
        until = self.now + seconds
        for _ in range(10_000):
            deadlines = [(at, i) for i, end in enumerate(self.ends) if (at := end.session.deadline()) is not None]
            if not deadlines or min(deadlines)[0] > until:
                break
            at, index = min(deadlines)
            self.now = max(self.now, at)
            self.handle(self.ends[index], Tick())
            assert (self.ends[index].session.deadline() or until + 1) > self.now, "a Tick at the deadline must move it"
        else:
            raise AssertionError("deadlines come without end")
        self.now = until

    def run(self, seconds: float, step_s: float = 0.25) -> None:
        """A healthy time: everything flows and clocks tick."""
        for _ in range(int(seconds / step_s)):
            self.flow()
            self.wait(step_s)
        self.flow()
