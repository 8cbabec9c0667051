"""The simulated sockets and zmq's: the same calls do the same, as far as links rely on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from .network import Context, Network
from .world import Host, Process, World

PATIENCE_S = 20.0


class Idle(Process):
    """Has sockets, and does nothing."""

    def play(self) -> None:
        """See Process."""

    def deadline(self) -> float | None:
        """See Process."""
        return None


class Simulated:
    """Sockets of the simulation, each of a process of its own."""

    def __init__(self) -> None:
        self.world = World(1)
        self.network = Network(self.world, 0.001, 0.5)
        self.host = Host("h", 1, 1, 0.0, 1.0)
        self.endpoint = "ipc://server"

    def socket(self, kind: int) -> Any:
        """Of a new process."""
        return Context(self.network, Idle(self.world, self.host, "u", "p")).socket(kind)

    def go_on(self) -> None:
        """Let some time pass."""
        self.world.step()


class Real:
    """zmq's, with the options that links set."""

    def __init__(self, directory: Path) -> None:
        self.context = zmq.Context[Any]()
        self.endpoint = f"ipc://{directory}/server"
        self.sockets: list[Any] = []

    def socket(self, kind: int) -> Any:
        """As links make them."""
        socket = self.context.socket(kind)
        self.sockets.append(socket)
        socket.setsockopt(zmq.LINGER, 0)
        if kind == zmq.ROUTER:
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        else:
            socket.setsockopt(zmq.IDENTITY, b"\x01" + bytes([len(self.sockets)]))
            socket.setsockopt(zmq.IMMEDIATE, 1)
        return socket

    def go_on(self) -> None:
        """Let some time pass."""
        time.sleep(0.005)


Wire = Simulated | Real


@pytest.fixture(params=["simulated", "real"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    """Either."""
    if request.param == "simulated":
        yield Simulated()
        return
    real = Real(tmp_path)
    yield real
    for socket in real.sockets:
        socket.close(linger=0)
    real.context.term()


def until(wire: Wire, what: Callable[[], Any]) -> Any:
    """Its result, once it does not raise any more."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            return what()
        except zmq.ZMQError:
            assert time.monotonic() < give_up
            wire.go_on()


def until_refused(wire: Wire, what: Callable[[], Any]) -> int | None:
    """The errno, once it raises."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        try:
            what()
        except zmq.ZMQError as error:
            return error.errno
        wire.go_on()
    raise AssertionError("it never raised")


def linked(wire: Wire) -> tuple[Any, Any, bytes]:
    """A server, a client that has said something, and who that is for the server."""
    server, client = wire.socket(zmq.ROUTER), wire.socket(zmq.DEALER)
    server.bind(wire.endpoint)
    client.connect(wire.endpoint)
    until(wire, lambda: client.send_multipart([b"hello"], zmq.NOBLOCK))
    peer, frame = until(wire, lambda: server.recv_multipart(zmq.NOBLOCK))
    assert frame == b"hello"
    return server, client, peer


def test_a_client_without_a_server_can_not_send(wire: Wire) -> None:
    client = wire.socket(zmq.DEALER)
    client.connect(wire.endpoint)
    for _ in range(20):
        with pytest.raises(zmq.Again):
            client.send_multipart([b"x"], zmq.NOBLOCK)
        wire.go_on()


def test_a_server_can_not_send_to_a_stranger(wire: Wire) -> None:
    server = wire.socket(zmq.ROUTER)
    server.bind(wire.endpoint)
    with pytest.raises(zmq.ZMQError) as caught:
        server.send_multipart([b"stranger", b"x"], zmq.NOBLOCK)
    assert caught.value.errno == zmq.EHOSTUNREACH


def test_nothing_there_is_again(wire: Wire) -> None:
    server, client, _ = linked(wire)
    for socket in (server, client):
        with pytest.raises(zmq.Again):
            socket.recv_multipart(zmq.NOBLOCK)


def test_what_is_sent_arrives_whole_once_and_in_order(wire: Wire) -> None:
    server, client, peer = linked(wire)
    for number in range(100):
        client.send_multipart([b"%d" % number, b"body"], zmq.NOBLOCK)
        server.send_multipart([peer, b"%d" % number], zmq.NOBLOCK)
    sent = [until(wire, lambda: server.recv_multipart(zmq.NOBLOCK)) for _ in range(100)]
    back = [until(wire, lambda: client.recv_multipart(zmq.NOBLOCK)) for _ in range(100)]
    assert sent == [[peer, b"%d" % number, b"body"] for number in range(100)]
    assert back == [[b"%d" % number] for number in range(100)]


def test_a_client_that_is_gone_can_not_be_sent_to(wire: Wire) -> None:
    server, client, peer = linked(wire)
    client.close(linger=0)
    assert until_refused(wire, lambda: server.send_multipart([peer, b"x"], zmq.NOBLOCK)) == zmq.EHOSTUNREACH


def test_a_server_that_is_gone_can_not_be_sent_to_and_its_successor_is_found(wire: Wire) -> None:
    server, client, peer = linked(wire)
    server.close(linger=0)
    assert until_refused(wire, lambda: client.send_multipart([b"lost"], zmq.NOBLOCK)) == zmq.EAGAIN
    successor = wire.socket(zmq.ROUTER)
    successor.bind(wire.endpoint)
    until(wire, lambda: client.send_multipart([b"again"], zmq.NOBLOCK))
    assert until(wire, lambda: successor.recv_multipart(zmq.NOBLOCK)) == [peer, b"again"]
