"""The sessions' story told again over real zmq sockets, and what strangers at the door can do: nothing."""

from __future__ import annotations

import pathlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq
from wire_relay import Relay
from wire_samples import hello

from ppg_protocol import limits
from ppg_protocol.agenda import Agenda
from ppg_protocol.envelope import seal_one, unseal
from ppg_protocol.errors import LocalProtocolError
from ppg_protocol.link import SERVER, ClientLink, Delivery, Link, ServerLink
from ppg_protocol.messages import Ack, Define, Heartbeat, Refuse
from ppg_protocol.records import Blob
from ppg_protocol.session import State, Timing
from ppg_protocol.session_events import Deliver, Established, HeartbeatDue, PeerReturned, PeerSilent, Refused

TIMING = Timing(heartbeat_s=0.05, silence_s=20.0)
PATIENCE_S = 20.0


class Owner:
    """Polls its link, answers heartbeats, remembers the rest."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.heard: list[tuple[bytes, int]] = []
        self.events: list[Delivery] = []

    def step(self) -> None:
        deliveries = self.link.receive(time.monotonic())
        for delivery in deliveries + self.link.tick(time.monotonic()):
            if isinstance(delivery.what, Deliver):
                for message in delivery.what.messages:
                    if isinstance(message, Ack):
                        self.heard += [(delivery.peer, number) for number in message.attempts]
            elif isinstance(delivery.what, HeartbeatDue):
                self.link.send(delivery.peer, [Heartbeat((), (), 0)], time.monotonic())
            else:
                self.events.append(delivery)

    def said(self, kind: type) -> list[Delivery]:
        return [event for event in self.events if isinstance(event.what, kind)]


class Stage:
    """A directory, a context and everything that lives in it; all closed at the end."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.context = zmq.Context()
        self.closing: list[Any] = []
        self.owners: list[Owner] = []
        self.relays: list[Relay] = []

    def endpoint(self, name: str = "mcp") -> str:
        return f"ipc://{self.directory}/{name}"

    def server(self, timing: Timing = TIMING, **changes: Any) -> Owner:
        return self._owner(ServerLink(self.context, self.endpoint(), hello("mcp", **changes), timing))

    def client(self, name: str = "mcp", timing: Timing = TIMING, **changes: Any) -> Owner:
        mine = hello("supervisor", **changes)
        return self._owner(ClientLink(self.context, self.endpoint(name), mine, timing, time.monotonic()))

    def relay(self) -> Relay:
        relay = Relay(f"{self.directory}/relay", f"{self.directory}/mcp")
        self.closing.append(relay)
        self.relays.append(relay)
        return relay

    def stranger(self, kind: int = zmq.DEALER) -> zmq.Socket[bytes]:
        made = self.context.socket(kind)
        made.linger = 0
        made.rcvtimeo = int(PATIENCE_S * 1000)
        made.connect(self.endpoint())
        self.closing.append(made)
        return made

    def until(self, condition: Callable[[], object]) -> None:
        """Run everything until the condition holds."""
        give_up_at = time.monotonic() + PATIENCE_S
        poller = zmq.Poller()
        for owner in self.owners:
            poller.register(owner.link.socket, zmq.POLLIN)
        while not condition():
            assert time.monotonic() < give_up_at, "the condition never held"
            for relay in self.relays:
                relay.step()
            poller.poll(1)
            for owner in self.owners:
                owner.step()

    def _owner(self, link: Link) -> Owner:
        owner = Owner(link)
        self.owners.append(owner)
        self.closing.append(link)
        return owner

    def close(self) -> None:
        for one in self.closing:
            one.close()
        self.context.term()


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def established(owner: Owner) -> bool:
    return bool(owner.said(Established))


def test_messages_arrive_both_ways(stage: Stage) -> None:
    server, clients = stage.server(), [stage.client(instance=b"%d" % i) for i in range(3)]
    stage.until(lambda: len(server.said(Established)) == 3 and all(map(established, clients)))
    for client in clients:
        assert client.link.send(SERVER, [Ack((i,)) for i in range(100)], time.monotonic()) >= 100
    peers = [event.peer for event in server.said(Established)]
    for peer in peers:
        server.link.send(peer, [Ack((i,)) for i in range(200)], time.monotonic())
    stage.until(lambda: len(server.heard) == 300 and all(len(client.heard) == 200 for client in clients))
    for peer in peers:
        assert [number for heard_from, number in server.heard if heard_from == peer] == list(range(100))
    for client in clients:
        assert client.heard == [(SERVER, i) for i in range(200)]


def test_acknowledgements_confirm_and_empty_the_outboxes(stage: Stage) -> None:
    server, client = stage.server(), stage.client()
    sent = client.link.send(SERVER, [Ack((1,))], time.monotonic())
    assert sent == 1
    session = client.link.session(SERVER)
    assert session is not None
    stage.until(lambda: session.confirmed_at is not None and session.outbox.first_kept > sent)
    assert server.heard == [(server.events[0].peer, 1)]


def test_blobs_travel(stage: Stage) -> None:
    server, client = stage.server(), stage.client()
    stage.until(lambda: established(server))
    blob = Blob(bytes(range(256)) * 40_000)
    server.link.send(server.events[0].peer, [Define(0, (1,), blob), Define(0, (2,), Blob(b""))], time.monotonic())
    heard: list[Any] = []
    give_up_at = time.monotonic() + PATIENCE_S
    while len(heard) < 2:
        assert time.monotonic() < give_up_at
        client.link.socket.poll(10)
        for delivery in client.link.receive(time.monotonic()):
            if isinstance(delivery.what, Deliver):
                heard += [message for message in delivery.what.messages if isinstance(message, Define)]
    assert heard == [Define(0, (1,), blob), Define(0, (2,), Blob(b""))]


def test_a_client_may_come_first(stage: Stage) -> None:
    client = stage.client()
    client.link.send(SERVER, [Ack((7,))], time.monotonic())
    server = stage.server()
    stage.until(lambda: server.heard)
    assert [number for _, number in server.heard] == [7]


def test_broken_connections_lose_and_repeat_nothing(stage: Stage) -> None:
    server, relay, client = stage.server(), stage.relay(), stage.client("relay")
    stage.until(lambda: established(server) and established(client))
    peer = server.events[0].peer
    said = 0
    for _round in range(6):
        for _ in range(20):
            client.link.send(SERVER, [Ack((said,))], time.monotonic())
            server.link.send(peer, [Ack((said,))], time.monotonic())
            said += 1
            stage.until(lambda: True)
            relay.step()
        relay.cut()
        before = relay.accepted
        stage.until(lambda before=before: relay.accepted > before)  # type: ignore[misc]
    stage.until(lambda: len(server.heard) >= said and len(client.heard) >= said)
    assert server.heard == [(peer, i) for i in range(said)]
    assert client.heard == [(SERVER, i) for i in range(said)]
    assert relay.accepted == 7
    assert len(server.said(Established)) == len(client.said(Established)) == 1


def test_a_client_takes_over_from_its_own_half_open_connection(stage: Stage) -> None:
    server, relay = stage.server(), stage.relay()
    client = stage.client("relay")
    stage.until(lambda: established(server) and established(client))
    relay.cut(half=True)
    client.link.send(SERVER, [Ack((1,))], time.monotonic())
    server.link.send(server.events[0].peer, [Ack((2,))], time.monotonic())
    stage.until(lambda: server.heard and client.heard)
    assert [type(event.what) for event in server.events + client.events] == [Established, Established]


def test_nothing_piles_up_for_a_server_that_is_away(stage: Stage) -> None:
    client = stage.client()
    start = time.monotonic()
    for beat in range(10):
        client.link.tick(start + beat * TIMING.heartbeat_s)
    late = stage.context.socket(zmq.ROUTER)
    stage.closing.append(late)
    late.linger = 0
    late.bind(stage.endpoint())
    stage.until(lambda: late.poll(0))
    hellos = 0
    while late.poll(0):
        late.recv_multipart()
        hellos += 1
    assert hellos <= 2


def test_a_server_does_not_talk_on_to_who_is_gone(stage: Stage) -> None:
    server, client = stage.server(), stage.client()
    stage.until(lambda: established(server) and established(client))
    session = server.link.session(server.events[0].peer)
    assert session is not None
    stage.owners.remove(client)
    client.link.close()
    stage.until(lambda: session.state is State.IDLE)
    assert not server.said(PeerSilent)


def test_silence_is_reported_and_return_too(stage: Stage) -> None:
    timing = Timing(heartbeat_s=0.02, silence_s=0.1)
    server, relay = stage.server(timing), stage.relay()
    client = stage.client("relay", timing)
    stage.until(lambda: established(server) and established(client))
    stage.relays.clear()  # nothing moves, but nothing breaks
    stage.until(lambda: all(len(owner.said(PeerSilent)) > len(owner.said(PeerReturned)) for owner in stage.owners))
    stage.relays.append(relay)
    stage.until(lambda: all(len(owner.said(PeerSilent)) == len(owner.said(PeerReturned)) for owner in stage.owners))


def test_a_client_of_another_version_is_refused_and_told_why(stage: Stage) -> None:
    server, client = stage.server(), stage.client(engine_version="0.9")
    stage.until(lambda: server.said(Refused) and client.said(Refused))
    [refusal] = client.said(Refused)
    assert isinstance(refusal.what, Refused)
    assert "pypipegraph 0.9" in refusal.what.reason
    assert "host-of-mcp" in refusal.what.reason
    assert client.link.send(SERVER, [Ack(())], time.monotonic()) == 0
    assert client.link.deadline() is None
    assert server.link.deadline() is None


def test_a_dismissed_client_is_told(stage: Stage) -> None:
    server, client = stage.server(), stage.client()
    stage.until(lambda: established(server) and established(client))
    assert isinstance(server.link, ServerLink)
    peer = server.events[0].peer
    server.link.dismiss(peer, "silent for too long", time.monotonic())
    server.link.dismiss(peer, "again", time.monotonic())
    assert server.link.session(peer) is None
    assert server.link.send(peer, [Ack(())], time.monotonic()) == 0
    stage.until(lambda: client.said(Refused))
    assert client.events[-1].what == Refused("the other side refused: silent for too long")


def test_garbage_senders_disturb_nobody(stage: Stage) -> None:
    server, client = stage.server(), stage.client()
    stage.until(lambda: established(server))
    assert isinstance(server.link, ServerLink)
    for kind in (zmq.DEALER, zmq.REQ):
        stage.stranger(kind).send(b"\xc1 what is this")
    noisy = stage.stranger()
    for frames in ([b""], [b"", b""], [b"\x93\x00\x00\x90"] * 100, [bytes(limits.BODY_BYTES + 1)]):
        noisy.send_multipart(frames)
    noisy.send_multipart(seal_one(0, 0, [Refuse("you")]).frames)
    with socket.socket(socket.AF_UNIX) as no_zmq:
        no_zmq.connect(f"{stage.directory}/mcp")
        no_zmq.send(b"GET / HTTP/1.1\r\n\r\n")
        stage.until(lambda: isinstance(server.link, ServerLink) and server.link.ignored == 7)
    client.link.send(SERVER, [Ack((1,))], time.monotonic())
    stage.until(lambda: server.heard)
    assert [type(event.what) for event in server.events] == [Established]


def test_an_oversize_frame_costs_its_sender_the_connection(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FRAME_BYTES", 1 << 16)
    server, client = stage.server(), stage.client()
    stage.until(lambda: established(server))
    oversize = stage.stranger()
    monitor = oversize.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    oversize.send_multipart([b"x", bytes(1 << 20)])
    stage.until(lambda: monitor.poll(0))
    oversize.disable_monitor()
    monitor.close()
    client.link.send(SERVER, [Ack((1,))], time.monotonic())
    stage.until(lambda: server.heard)
    assert isinstance(server.link, ServerLink)
    assert server.link.ignored == 0


def test_a_peer_that_turns_to_garbage_is_ended(stage: Stage) -> None:
    server, turncoat = stage.server(), stage.stranger()
    turncoat.send_multipart(seal_one(0, 0, [hello("supervisor")]).frames)
    stage.until(lambda: established(server))
    turncoat.send(b"\xc1")
    stage.until(lambda: server.said(Refused))
    answers: list[Any] = []
    while not any(isinstance(answer, Refuse) for answer in answers):
        answers += unseal(turncoat.recv_multipart()).messages
    turncoat.send_multipart(seal_one(1, 0, [Ack(())]).frames)
    stage.until(lambda: turncoat.poll(0))
    assert isinstance(unseal(turncoat.recv_multipart()).messages[0], Refuse)


def test_the_table_of_peers_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PEERS", 2)
    server, _one, _two = stage.server(), stage.client(), stage.client()
    stage.until(lambda: len(server.said(Established)) == 2)
    stage.client()
    stage.until(lambda: isinstance(server.link, ServerLink) and server.link.ignored)
    assert len(server.said(Established)) == 2


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:7700", "ipc://", "ipc:///" + "x" * 107, "inproc://a"])
def test_endpoints_are_checked(stage: Stage, endpoint: str) -> None:
    with pytest.raises(LocalProtocolError, match="can't use"):
        ServerLink(stage.context, endpoint, hello(), TIMING)
    with pytest.raises(LocalProtocolError, match="can't use"):
        ClientLink(stage.context, endpoint, hello(), TIMING, 0.0)


def test_an_address_that_can_not_be_bound_is_an_error(stage: Stage) -> None:
    with pytest.raises(zmq.ZMQError):
        ServerLink(stage.context, f"ipc://{stage.directory}/missing/mcp", hello(), TIMING)


def test_deadlines_are_those_of_the_sessions(stage: Stage) -> None:
    server = stage.server()
    assert server.link.deadline() is None
    client = stage.client()
    assert client.link.deadline() is not None
    stage.until(lambda: established(server) and established(client))
    at = server.link.deadline()
    assert at is not None
    assert at <= time.monotonic() + TIMING.heartbeat_s
    session = client.link.session(SERVER)
    assert session is not None
    assert session.state is State.LINKED


def test_the_agenda_knows_what_is_due() -> None:
    agenda = Agenda()
    assert agenda.next() is None
    for key, at in ((b"a", 3.0), (b"b", 1.0), (b"c", 2.0), (b"b", 5.0), (b"a", 1.5), (b"d", 9.0), (b"d", None)):
        agenda.put(key, at)
    assert agenda.next() == 1.5
    assert agenda.due(1.0) == []
    assert agenda.due(2.0) == [b"a", b"c"]
    agenda.put(b"a", 4.0)
    assert agenda.due(10.0) == [b"a", b"b"]
    assert agenda.next() is None
