"""Links over the simulated network: the real ones, whose sockets are not zmq's."""

from __future__ import annotations

from typing import Any, cast

from ppg_protocol.link import ClientLink, ServerLink
from ppg_protocol.messages import Hello
from ppg_protocol.session import Timing

from .network import Context, Network, Socket
from .world import Process, Violation

ENGINE, PYTHON = "0.sim", "3.11.0"
BREACHES = ("was acknowledged, but only", "numbered from 0", "not alone in its envelope", "did not close a gap")
"""Of the protocol, in words of the session: no fault of the world leads to them."""
COORDINATOR = "coordinator"


def hello(process: Process, role: str, session: str, epoch: int) -> Hello:
    """How a process introduces itself."""
    return Hello(1, 0, ENGINE, PYTHON, role, process.host.name, "boot", process.instance, session, epoch)


def server(network: Network, process: Process, name: str, greeting: Hello, timing: Timing) -> ServerLink:
    """Listens at ipc://NAME."""
    return ServerLink(cast(Any, Context(network, process)), f"ipc://{name}", greeting, timing)


def client(network: Network, process: Process, endpoint: str, greeting: Hello, timing: Timing) -> ClientLink:
    """Dials from its first moment on."""
    return ClientLink(cast(Any, Context(network, process)), endpoint, greeting, timing, process.now)


def refused(process: Process, reason: str) -> None:
    """The other side wants no more of it, or it of the other side. Raises Violation if it says nonsense for that."""
    process.note(f"refused: {reason}")
    if any(breach in reason for breach in BREACHES):
        raise Violation(f"{process.name}: {reason}")


def is_connected(link: ClientLink) -> bool:
    """Has its socket a connection?"""
    return cast(Socket, link.socket).connection is not None


def user_of(link: ServerLink, peer: bytes) -> str:
    """Whose key a peer has."""
    return cast(Socket, link.socket).users[peer]


def refuse(link: ServerLink, users: set[str]) -> None:
    """Whose keys are not good for it; the set may change."""
    cast(Socket, link.socket).refused_users = users


def hang_up(link: ServerLink) -> None:
    """All connections end."""
    cast(Socket, link.socket).hang_up()
