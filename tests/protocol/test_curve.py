"""Who gets in over TCP, who does not, and that the others never notice."""

from __future__ import annotations

import contextlib
import pathlib
import random
import socket
import threading
from collections.abc import Iterator

import pytest
import zmq
import zmq.auth.thread
from hypothesis import given, settings
from hypothesis import strategies as st
from secured import TIMING, Owner, Secured, new_keys
from wire_samples import hello

from ppg_protocol import curve, dialer, doorkeeper, limits, open_files
from ppg_protocol.clock import now
from ppg_protocol.curve import CurveClient, CurveServer
from ppg_protocol.envelope import seal_one
from ppg_protocol.errors import LocalProtocolError
from ppg_protocol.link import SERVER, ClientLink, ServerLink
from ppg_protocol.messages import Ack
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Established, Refused


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secured]:
    monkeypatch.setattr(dialer, "REDIAL_S", 0.05)
    made = Secured()
    yield made
    made.close()


def trouble(owner: Owner) -> str:
    assert isinstance(owner.link, ClientLink)
    return owner.link.trouble or ""


def works(stage: Secured, client: Owner, number: int) -> None:
    """A message passes both ways."""
    client.link.send(SERVER, [Ack((number,))], now())
    stage.until(lambda: number in [heard for _, heard in stage.server.heard])
    [peer] = [peer for peer, heard in stage.server.heard if heard == number]
    stage.server.link.send(peer, [Ack((number,))], now())
    stage.until(lambda: (SERVER, number) in client.heard)


def raw_dealer(stage: Secured, keys: CurveClient | None, identity: bytes = b"") -> zmq.Socket[bytes]:
    made = stage.context.socket(zmq.DEALER)
    made.linger = 0
    made.reconnect_ivl = -1
    if keys is not None:
        keys.secure(made)
    if identity:
        made.setsockopt(zmq.IDENTITY, identity)
    stage.closing.append(made)
    return made


def tcp(stage: Secured) -> socket.socket:
    host, port = stage.link.endpoint.removeprefix("tcp://").split(":")
    made = socket.create_connection((host, int(port)), timeout=20)
    stage.closing.append(made)
    return made


def test_a_client_with_an_admitted_key_works_and_is_known_by_it(stage: Secured) -> None:
    client = stage.client()
    works(stage, client, 1)
    assert stage.link.key_of(stage.peer()) == stage.mine.public
    assert trouble(client) == ""


def test_a_key_that_is_not_admitted_is_told_so_and_gets_in_once_it_is(stage: Secured) -> None:
    honest, other_keys = stage.client(), new_keys()
    other = stage.client(other_keys, instance=b"2")
    stage.until(lambda: "does not admit our key" in trouble(other))
    assert other.link.is_denied
    works(stage, honest, 1)
    assert not honest.link.is_denied
    assert len(stage.server.said(Established)) == 1
    stage.admitted.add(other_keys.public)
    works(stage, other, 2)
    assert trouble(other) == ""
    assert not other.link.is_denied


def test_a_wrong_server_key_is_noticed_by_the_client(stage: Secured) -> None:
    client = stage.client(server_public=new_keys().public)
    stage.until(lambda: "is its public key the one that we have" in trouble(client))
    assert not client.link.is_denied
    assert stage.server.events == []


def test_an_address_where_nobody_listens_is_named(stage: Secured) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        link = ClientLink(
            stage.context, endpoint, hello("supervisor"), TIMING, now(), CurveClient(stage.mine, stage.keys.public)
        )
        lost = Owner(link)
        stage.owners.append(lost)
        stage.closing.append(link)
        stage.until(lambda: f"nobody answers at {endpoint}" in trouble(lost))


def test_what_speaks_another_protocol_is_named_and_tried_again(stage: Secured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        endpoint = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        link = ClientLink(
            stage.context, endpoint, hello("supervisor"), TIMING, now(), CurveClient(stage.mine, stage.keys.public)
        )
        lost = Owner(link)
        stage.owners.append(lost)
        stage.closing.append(link)
        accepted: list[socket.socket] = []

        def twice() -> bool:
            try:
                accepted.append(other.accept()[0])
                accepted[-1].send(b"SSH-2.0-not what you look for\r\n" * 4)
            except BlockingIOError:
                pass
            return len(accepted) > 1

        stage.until(twice)
        assert "does not speak our protocol" in trouble(lost)
        for one in accepted:
            one.close()


def test_plaintext_clients_stay_outside(stage: Secured) -> None:
    plain = raw_dealer(stage, None)
    monitor = plain.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    plain.connect(stage.link.endpoint)
    plain.send_multipart(seal_one(0, 0, [hello("supervisor")]).frames)
    stage.until(lambda: monitor.poll(0))
    plain.disable_monitor()
    monitor.close()
    works(stage, stage.client(), 1)
    assert len(stage.server.said(Established)) == 1
    assert stage.link.ignored == 0


def test_without_a_doorkeeper_nobody_gets_in(stage: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper.Doorkeeper, "add", lambda *_: None)
    monkeypatch.setattr(doorkeeper.Doorkeeper, "remove", lambda *_: None)
    doorkeeper._doorkeepers[stage.context]._authenticator.stop()
    client = stage.client()
    stage.until(lambda: "hung up on us" in trouble(client))
    assert stage.server.events == []


def test_a_question_whether_to_admit_that_fails_admits_nobody_and_harms_nobody_else(stage: Secured) -> None:
    keys, admits = new_keys(), stage.admits

    def careless(key: bytes) -> bool:
        if key == keys.public:
            raise OSError("the disk is gone")
        return admits(key)

    link = ServerLink(stage.context, "tcp://127.0.0.1:*", hello("mcp"), TIMING, CurveServer(stage.keys, careless))
    stage.closing.append(link)
    stage.server, stage.link = Owner(link), link
    stage.owners.append(stage.server)
    refused, honest = stage.client(keys, instance=b"2"), stage.client()
    stage.until(lambda: "does not admit our key" in trouble(refused))
    works(stage, honest, 1)


def test_servers_of_one_context_ask_their_own_lists(stage: Secured) -> None:
    keys = new_keys()
    link = ServerLink(
        stage.context,
        "tcp://127.0.0.1:*",
        hello("mcp"),
        TIMING,
        CurveServer(stage.keys, lambda key: key == keys.public),
    )
    other_client = stage.client(keys, instance=b"2")
    stage.until(lambda: "does not admit our key" in trouble(other_client))
    link.close()
    works(stage, stage.client(), 1)


def test_the_last_server_takes_its_thread_along() -> None:
    before = set(threading.enumerate())
    stage = Secured()
    (doorkeepers,) = set(threading.enumerate()) - before
    stage.close()
    assert doorkeepers not in threading.enumerate()
    assert stage.context not in doorkeeper._doorkeepers


def test_a_revoked_key_is_out_at_once_and_the_others_lose_nothing(stage: Secured) -> None:
    honest, (other, keys) = stage.client(), stage.admitted_client(b"2")
    works(stage, honest, 1)
    works(stage, other, 2)
    peer = stage.peer(b"2")
    stage.admitted.remove(keys.public)
    stage.link.shut_out(keys.public, "revoked by the owner", now())
    assert stage.link.session(peer) is None
    assert stage.server.link.send(peer, [Ack((3,))], now()) == 0
    stage.until(lambda: "does not admit our key" in trouble(other))
    works(stage, honest, 4)
    assert [type(event.what) for event in honest.events] == [Established]
    assert (peer, 3) not in stage.server.heard


def test_what_a_key_said_before_it_was_shut_out_is_not_read_after(stage: Secured) -> None:
    keys = stage.admitted_keys()
    late = raw_dealer(stage, CurveClient(keys, stage.keys.public))
    late.connect(stage.link.endpoint)
    late.send_multipart(seal_one(0, 0, [hello("supervisor", instance=b"late")]).frames)
    assert stage.link.socket.poll(10_000)
    stage.admitted.remove(keys.public)
    stage.link.receive(now())
    assert stage.link.ignored == 1


class Flow:
    """Numbered messages both ways between the server and one client."""

    def __init__(self, stage: Secured, client: Owner, instance: bytes) -> None:
        self.stage, self.client, self.peer, self.said = stage, client, stage.peer(instance), 0

    def say(self) -> None:
        self.client.link.send(SERVER, [Ack((self.said,))], now())
        self.stage.server.link.send(self.peer, [Ack((self.said,))], now())
        self.said += 1

    def complete(self) -> bool:
        arrived = min(len(self.client.heard), len(self.upward()))
        return arrived >= self.said and bool(self.client.said(Established))

    def upward(self) -> list[int]:
        return [number for peer, number in self.stage.server.heard if peer == self.peer]


@settings(max_examples=8)
@given(st.lists(st.sampled_from(["say", "say", "say", "turn", "shut out"]), max_size=30), st.integers(0, 1000))
def test_shutting_out_another_user_loses_and_repeats_nothing(steps: list[str], seed: int) -> None:
    stage, chance = Secured(), random.Random(seed)
    try:
        flows = [Flow(stage, stage.admitted_client(name)[0], name) for name in (b"a", b"b")]
        for step in steps:
            if step == "say":
                chance.choice(flows).say()
            elif step == "turn":
                stage.until(lambda: True)
                for owner in stage.owners:
                    owner.step()
            else:
                stage.link.shut_out(new_keys().public, "revoked", now())
        stage.until(lambda: all(flow.complete() for flow in flows))
        for flow in flows:
            assert flow.upward() == list(range(flow.said))
            assert [number for _, number in flow.client.heard] == list(range(flow.said))
            assert [type(event.what) for event in flow.client.events] == [Established]
    finally:
        stage.close()


def test_an_identity_is_worth_nothing_with_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve, "LEAST_TIMEOUT_MS", 200)  # after which the one robbed of its connection makes a new one
    stage = Secured(Timing(heartbeat_s=0.05, silence_s=0.6))
    try:
        client = stage.client()
        works(stage, client, 1)
        peer = stage.peer()
        thief = raw_dealer(stage, CurveClient(stage.admitted_keys(), stage.keys.public), peer)
        thief.connect(stage.link.endpoint)
        thief.send_multipart(seal_one(0, 0, [hello("supervisor", instance=b"thief")]).frames)
        thief.send_multipart(seal_one(2, 0, [Ack((666,))]).frames)
        stage.until(lambda: stage.link.ignored)
        works(stage, client, 2)
        assert stage.link.key_of(peer) == stage.mine.public
        assert [number for _, number in stage.server.heard] == [1, 2]
        assert len(client.said(Established)) == len(stage.server.said(Established)) == 1
    finally:
        stage.close()


def test_garbage_and_truncated_handshakes_disturb_nobody(stage: Secured) -> None:
    client = stage.client()
    works(stage, client, 1)
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31)
    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\xff" * 1000, greeting[:20], greeting + b"\x04\xff", b""):
        caller = tcp(stage)
        with contextlib.suppress(OSError):  # it may have been hung up on already
            caller.sendall(noise)
            caller.shutdown(socket.SHUT_WR)
    works(stage, client, 2)
    assert stage.link.ignored == 0


def test_an_oversized_frame_in_a_handshake_costs_the_connection(stage: Secured) -> None:
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31)
    caller = tcp(stage)
    caller.sendall(greeting + b"\x06" + (1 << 40).to_bytes(8, "big") + b"x" * 100)
    with contextlib.suppress(ConnectionResetError):
        while caller.recv(1 << 16):
            pass
    works(stage, stage.client(), 1)


def test_an_oversized_frame_of_an_admitted_client_costs_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FRAME_BYTES", 1 << 16)
    stage = Secured()
    try:
        client = stage.client()
        works(stage, client, 1)
        oversize = raw_dealer(stage, CurveClient(stage.mine, stage.keys.public))
        monitor = oversize.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        oversize.connect(stage.link.endpoint)
        oversize.send_multipart([b"x", bytes(1 << 20)])
        stage.until(lambda: monitor.poll(0))
        oversize.disable_monitor()
        monitor.close()
        works(stage, client, 2)
        assert stage.link.ignored == 0
    finally:
        stage.close()


def test_a_thousand_silent_connections_leave_room_for_the_honest_and_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(curve, "HANDSHAKE_MS", 1000)
    open_files.raise_soft_limit()
    stage = Secured()
    try:
        client = stage.client()
        works(stage, client, 1)
        strangers = [tcp(stage) for _ in range(1000)]
        for stranger in strangers[::2]:
            stranger.send(b"\xff" + bytes(8) + b"\x7f")
        works(stage, client, 2)
        works(stage, stage.client(instance=b"2"), 3)
        for stranger in strangers:
            while stranger.recv(4096):
                pass
    finally:
        stage.close()


def test_ports(stage: Secured) -> None:
    curve_server = CurveServer(stage.keys, stage.admits)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        low = taken.getsockname()[1]
        high = min(low + 20, 65535)
        link = ServerLink(stage.context, f"tcp://127.0.0.1:{low}-{high}", hello(), TIMING, curve_server)
        stage.closing.append(link)
        assert low < int(link.endpoint.rpartition(":")[2]) <= high
        with pytest.raises(zmq.ZMQError, match="can't listen"):
            ServerLink(stage.context, f"tcp://127.0.0.1:{low}", hello(), TIMING, curve_server)
    works(stage, stage.client(), 1)


def test_ipv6(stage: Secured) -> None:
    link = ServerLink(stage.context, "tcp://[::1]:*", hello("mcp"), TIMING, CurveServer(stage.keys, stage.admits))
    stage.closing.append(link)
    stage.server, stage.link = Owner(link), link
    stage.owners.append(stage.server)
    assert link.endpoint.startswith("tcp://[::1]:")
    client = stage.client()
    works(stage, client, 1)
    link.shut_out(new_keys().public, "revoked", now())
    works(stage, client, 2)


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://", "tcp://host", "tcp://host:0", "tcp://host:65536", "tcp://host:2-1", "tcp://::1:7700", "udp://h:1"],
)
def test_addresses_are_checked(stage: Secured, endpoint: str) -> None:
    with pytest.raises(LocalProtocolError, match="can't use"):
        ServerLink(stage.context, endpoint, hello(), TIMING, CurveServer(stage.keys, stage.admits))
    with pytest.raises(LocalProtocolError, match="can't use"):
        ClientLink(stage.context, endpoint, hello(), TIMING, now(), CurveClient(stage.mine, stage.keys.public))


@pytest.mark.parametrize("endpoint", ["tcp://host:*", "tcp://host:1-2", "tcp://*:7700"])
def test_a_client_needs_one_address(stage: Secured, endpoint: str) -> None:
    with pytest.raises(LocalProtocolError, match="can't use"):
        ClientLink(stage.context, endpoint, hello(), TIMING, now(), CurveClient(stage.mine, stage.keys.public))


def test_tcp_demands_keys_and_ipc_refuses_them(stage: Secured, tmp_path: pathlib.Path) -> None:
    with pytest.raises(LocalProtocolError, match="needs CURVE keys"):
        ServerLink(stage.context, "tcp://127.0.0.1:*", hello(), TIMING)
    with pytest.raises(LocalProtocolError, match="needs CURVE keys"):
        ClientLink(stage.context, "tcp://127.0.0.1:7700", hello(), TIMING, now())
    with pytest.raises(LocalProtocolError, match="no use for CURVE"):
        ServerLink(stage.context, f"ipc://{tmp_path}/x", hello(), TIMING, CurveServer(stage.keys, stage.admits))
    with pytest.raises(LocalProtocolError, match="no use for CURVE"):
        ClientLink(
            stage.context, f"ipc://{tmp_path}/x", hello(), TIMING, now(), CurveClient(stage.mine, stage.keys.public)
        )


def test_secrets_are_not_shown(stage: Secured) -> None:
    assert stage.mine.secret.decode() not in repr(CurveClient(stage.mine, stage.keys.public))


def test_a_dismissed_client_hears_why(stage: Secured) -> None:
    client = stage.client()
    stage.link.dismiss(stage.peer(), "silent for too long", now())
    stage.until(lambda: client.said(Refused))
