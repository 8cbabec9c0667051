"""The supervisor's link to its MCP: who we say we are."""

from __future__ import annotations

import os
import platform
import socket

import zmq

from ppg_cs import machine
from ppg_cs.config import SupervisorConfig
from ppg_protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from ppg_protocol.link import ClientLink
from ppg_protocol.messages import Hello, Ready
from ppg_protocol.session import Timing


def connect(config: SupervisorConfig, now: float) -> ClientLink:
    """Begin to connect. Makes the process's zmq context, and with it threads: called after the first fork."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(1)
    return ClientLink(context, config.endpoint, hello(config), Timing(config.heartbeat_s, config.silence_s), now)


def hello(config: SupervisorConfig) -> Hello:
    """Who we are."""
    return Hello(
        PROTOCOL_MAJOR,
        PROTOCOL_MINOR,
        config.engine_version,
        platform.python_version(),
        "supervisor",
        socket.gethostname(),
        machine.boot_id(),
        os.urandom(16),
        config.session,
        config.epoch,
    )


def introduce(config: SupervisorConfig) -> Ready:
    """What is said first, each time the link comes up with an MCP that does not know us."""
    return Ready(machine.machine_id(), socket.gethostname(), os.getpid(), config.cores, config.memory_bytes)
