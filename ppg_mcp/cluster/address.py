"""Where supervisors find this process: at the address by which it reaches the coordinator."""

from __future__ import annotations

import socket

from ppg_protocol.errors import PyPipeGraphError


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
