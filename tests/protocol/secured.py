"""A server and clients over TCP with CURVE on loopback, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq
from wire_samples import hello

from ppg_protocol.clock import now
from ppg_protocol.curve import CurveClient, CurveServer, KeyPair
from ppg_protocol.link import ClientLink, Delivery, Link, ServerLink
from ppg_protocol.messages import Ack, Heartbeat
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue

TIMING = Timing(heartbeat_s=0.05, silence_s=20.0)
PATIENCE_S = 20.0


def new_keys() -> KeyPair:
    return KeyPair(*zmq.curve_keypair())


class Owner:
    """Answers heartbeats, remembers the rest."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.heard: list[tuple[bytes, int]] = []
        self.events: list[Delivery] = []

    def step(self) -> None:
        for delivery in self.link.receive(now()) + self.link.tick(now()):
            if isinstance(delivery.what, Deliver):
                acks = [message for message in delivery.what.messages if isinstance(message, Ack)]
                self.heard += [(delivery.peer, number) for ack in acks for number in ack.attempts]
            elif isinstance(delivery.what, HeartbeatDue):
                self.link.send(delivery.peer, [Heartbeat((), (), 0)], now())
            else:
                self.events.append(delivery)

    def said(self, kind: type) -> list[Delivery]:
        return [event for event in self.events if isinstance(event.what, kind)]


class Secured:
    """`admitted` are the keys that the server lets in; `mine` is one of them."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self.context, self.timing = zmq.Context(), timing
        self.keys, self.mine = new_keys(), new_keys()
        self.admitted = {self.mine.public}
        self.owners: list[Owner] = []
        self.closing: list[Any] = []
        curve = CurveServer(self.keys, self.admits)
        self.link = ServerLink(self.context, "tcp://127.0.0.1:*", hello("mcp"), timing, curve)
        self.server = self._owner(self.link)

    def admits(self, key: bytes) -> bool:
        return key in self.admitted

    def client(self, keys: KeyPair | None = None, server_public: bytes | None = None, instance: bytes = b"1") -> Owner:
        curve = CurveClient(keys or self.mine, server_public or self.keys.public)
        mine = hello("supervisor", instance=instance)
        return self._owner(ClientLink(self.context, self.link.endpoint, mine, self.timing, now(), curve))

    def admitted_client(self, instance: bytes) -> tuple[Owner, KeyPair]:
        """With a key of its own."""
        keys = self.admitted_keys()
        return self.client(keys, instance=instance), keys

    def admitted_keys(self) -> KeyPair:
        keys = new_keys()
        self.admitted.add(keys.public)
        return keys

    def until(self, condition: Callable[[], object]) -> None:
        """Run everything until the condition holds."""
        give_up_at = now() + PATIENCE_S
        poller = zmq.Poller()
        for owner in self.owners:
            poller.register(owner.link.socket, zmq.POLLIN)
        while not condition():
            assert now() < give_up_at, "the condition never held"
            poller.poll(1)
            for owner in self.owners:
                owner.step()

    def peer(self, instance: bytes = b"1") -> bytes:
        """The identity of this client; runs everything until it is established."""

        def found() -> list[bytes]:
            events = self.server.said(Established)
            return [
                one.peer for one in events if isinstance(one.what, Established) and one.what.peer.instance == instance
            ]

        self.until(found)
        return found()[-1]

    def _owner(self, link: Link) -> Owner:
        owner = Owner(link)
        self.owners.append(owner)
        self.closing.append(link)
        return owner

    def close(self) -> None:
        for one in self.closing:
            one.close()
        self.context.term()
