"""Where supervisors find this process: at the address by which it reaches the coordinator."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import zmq

from ppg_protocol.errors import LocalProtocolError, PyPipeGraphError


def bindable(coordinator: str) -> str:
    """An endpoint to bind, tcp://ADDRESS:*. Raises PyPipeGraphError when the coordinator's name is not known."""
    host, _, port = coordinator.removeprefix("tcp://").rpartition(":")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)  # sends nothing: the kernel only looks up the route
            ours = probe.getsockname()[0]
    except (OSError, ValueError) as error:
        raise PyPipeGraphError(
            f"The coordinator {coordinator} can't be reached: {error}. Check PPG_COORDINATOR (tcp://HOST:PORT) and the "
            "network; PPG_ADDRESS=tcp://ADDRESS:* names the address by which other machines reach this one."
        ) from error
    return f"tcp://[{ours}]:*" if ":" in ours else f"tcp://{ours}:*"


@contextmanager
def bound(endpoint: str) -> Iterator[None]:
    """Around an attempt to bind. Raises PyPipeGraphError when all ports are taken, or the address is not ours."""
    try:
        yield
    except (zmq.ZMQError, LocalProtocolError) as error:
        raise PyPipeGraphError(
            f"This run can't listen at {endpoint}, where slaves are to find it: {error}. Set PPG_ADDRESS to an "
            "address of this machine with a free port, a wider range of ports (tcp://ADDRESS:LOW-HIGH), or * for any."
        ) from error
