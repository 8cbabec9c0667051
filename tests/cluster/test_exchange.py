"""What the run loop tells a machine, over real links: none works before it is durably remembered."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zmq

from ppg_mcp.cluster.core import ClusterCore, Surroundings
from ppg_mcp.cluster.exchange import Exchange
from ppg_mcp.store.errors import StatusStoreError
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from ppg_protocol.link import SERVER, ClientLink, ServerLink
from ppg_protocol.messages import Hello, Retract, Shutdown
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver

from .hosts import until
from .test_core import LEASE_S, MARGIN_S, OPEN, PREPARE, US

TIMING = Timing(1.0, 60.0)


def hello(role: str) -> Hello:
    return Hello(PROTOCOL_MAJOR, PROTOCOL_MINOR, "1.0", "3.12.1", role, "host", "boot", os.urandom(16), "s", 3)


class Scene:
    """An exchange, the supervisor on machine a, and a status store that takes what is remembered, unless it is full."""

    def __init__(self, directory: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.is_full = False
        self.remembered: list[set[str]] = []
        self.heard: list[object] = []
        here, coordinator = f"ipc://{directory}/mcp", f"ipc://{directory}/coordinator"
        core = ClusterCore(Surroundings(OPEN, PREPARE, [], US, frozenset(), LEASE_S, MARGIN_S), time.monotonic())
        self.link = ServerLink(self.context, here, hello("mcp"), TIMING)
        self.coordinator = ClientLink(self.context, coordinator, hello("mcp"), TIMING, time.monotonic())
        log: Any = logging.getLogger(__name__)
        self.exchange = Exchange(core, self.link, self.coordinator, log, self.remember, coordinator)
        self.supervisor = ClientLink(self.context, here, hello("supervisor"), TIMING, time.monotonic())
        self.supervisor.send(SERVER, [replace(US, machine_id="a")], time.monotonic())

    def remember(self, machines: set[str]) -> None:
        if self.is_full:
            raise StatusStoreError("the disk is full")
        self.remembered.append(set(machines))

    def send(self, message: Any) -> None:
        self.exchange.send("a", [message], time.monotonic())

    def turn(self) -> None:
        self.exchange.take_in(time.monotonic())
        for delivery in [*self.supervisor.receive(time.monotonic()), *self.supervisor.tick(time.monotonic())]:
            if isinstance(delivery.what, Deliver):
                self.heard += delivery.what.messages

    def hears(self, message: object) -> bool:
        self.turn()
        return message in self.heard

    def close(self) -> None:
        for link in (self.supervisor, self.coordinator, self.link):
            link.close()
        self.context.term()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    try:
        until(lambda: scene.turn() or "a" in scene.exchange.core.attached, "the supervisor")
        yield scene
    finally:
        scene.close()


def test_a_machine_that_works_is_remembered_once(scene: Scene) -> None:
    scene.send(Retract((1,)))
    scene.send(Retract((2,)))
    until(lambda: scene.hears(Retract((2,))))
    assert scene.remembered == [{"a"}]


def test_a_machine_that_never_worked_is_told_to_shut_down_though_the_store_is_full(scene: Scene) -> None:
    scene.is_full = True
    scene.send(Shutdown("the run is over"))
    until(lambda: scene.hears(Shutdown("the run is over")))
    assert scene.exchange.used == set()


def test_what_could_not_be_remembered_is_remembered_the_next_time(scene: Scene) -> None:
    scene.is_full = True
    with pytest.raises(StatusStoreError):
        scene.send(Retract((1,)))
    assert scene.exchange.used == set()
    scene.is_full = False
    scene.send(Retract((2,)))
    until(lambda: scene.hears(Retract((2,))))
    assert Retract((1,)) not in scene.heard
    assert scene.remembered == [{"a"}]
