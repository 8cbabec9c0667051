"""Somebody has the coordinator's secret key, and sends slaves to an address of theirs: nothing is said there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from cluster.hosts import HEARTBEAT_S, Cluster, until
from zmq.utils.monitor import recv_monitor_message

from ppg_coordinator.daemon import hello
from ppg_protocol.clock import now
from ppg_protocol.cluster_messages import Limit, Register, StartSession
from ppg_protocol.curve import CurveServer, KeyPair
from ppg_protocol.keys import KeyDirectory
from ppg_protocol.link import ServerLink
from ppg_protocol.messages import Heartbeat
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, HeartbeatDue

OFTEN = 3


class Trap:
    """Where the supervisor is sent: it lets everybody in who believes its key, since nobody in its context asks."""

    def __init__(self, keys: KeyPair) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0
        self._router.setsockopt(zmq.CURVE_SERVER, 1)
        self._router.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
        self._router.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
        self._monitor = self._router.get_monitor_socket()
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.visits = 0

    def heard(self) -> list[bytes]:
        while self._monitor.poll(0):
            self.visits += recv_monitor_message(self._monitor)["event"] == zmq.EVENT_ACCEPTED
        return self._router.recv_multipart() if self._router.poll(0) else []

    def close(self) -> None:
        self._router.disable_monitor()
        self._monitor.close(linger=0)
        self._context.destroy(linger=0)


class Impostor:
    """Speaks as the coordinator, with its key; sends every slave to an endpoint."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: KeyDirectory, endpoint: str) -> None:
        assert keys.coordinator is not None
        curve = CurveServer(keys.coordinator, lambda key: True)
        timing = Timing(HEARTBEAT_S, 10 * HEARTBEAT_S)
        self.link = ServerLink(context, endpoint, hello("coordinator"), timing, curve)
        self.registered = False
        self.sent_to = ""

    def serve(self, project: Path) -> None:
        self.link.socket.poll(20)
        for delivery in [*self.link.receive(now()), *self.link.tick(now())]:
            match delivery.what:
                case Deliver(messages) if any(isinstance(message, Register) for message in messages):
                    self.registered = True
                    orders = [StartSession("0123456789abcdef", 1, str(project), self.sent_to)]
                    self.link.send(delivery.peer, [*orders, Limit("0123456789abcdef", 1, 2, 1 << 30)], now())
                case HeartbeatDue():
                    self.link.send(delivery.peer, [Heartbeat((), (), 0)], now())


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.down()


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.term()


@pytest.mark.parametrize("whose", ["coordinator", "user"])
def test_a_supervisor_speaks_to_nobody_but_its_user(
    cluster: Cluster, context: zmq.Context[zmq.Socket[bytes]], whose: str
) -> None:
    """It knocks again and again, and says nothing; to its user's own key it does."""
    keys = KeyDirectory.load(cluster.keys_of("owner"))
    pair = keys.user if whose == "user" else keys.coordinator
    assert pair is not None
    trap, impostor = Trap(pair), Impostor(context, keys, cluster.endpoint)
    impostor.sent_to = trap.endpoint
    cluster.slave("a")
    heard: list[bytes] = []

    def visited() -> bool:
        impostor.serve(cluster.directory)
        heard.extend(trap.heard())
        return bool(heard) or trap.visits >= OFTEN

    try:
        until(visited, "a supervisor's visit")
        assert impostor.registered
        assert bool(heard) == (whose == "user")
    finally:
        trap.close()
        impostor.link.close()
