"""Sockets on which somebody listens, as a process sees them: those of its network namespace, from /proc/PID/net."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TCP_LISTEN = "0A"
UDP_BOUND = "07"
ACCEPTS_CONNECTIONS = 0x10000
"""The flag of a listening Unix socket."""


@dataclass(frozen=True, order=True)
class Listening:
    """`kind`: tcp, udp or unix. `address`: ADDRESS:PORT, or a path (@NAME for an abstract one)."""

    kind: str
    address: str
    inode: int

    def __str__(self) -> str:
        return f"{self.kind} {self.address}"


def listening(pid: int) -> list[Listening]:
    """All of them."""
    net = Path(f"/proc/{pid}/net")
    found = [*_inet(net, "tcp", TCP_LISTEN), *_inet(net, "udp", UDP_BOUND), *_unix(net)]
    return sorted(found)


def _inet(net: Path, kind: str, state: str) -> Iterator[Listening]:
    for path in (net / kind, net / f"{kind}6"):
        if path.exists():
            for line in path.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == state:
                    yield Listening(kind, _address(fields[1]), int(fields[9]))


def _address(shown: str) -> str:
    """The kernel shows 32 bit words as numbers of this machine, the port as a number."""
    host, port = shown.split(":")
    words = (bytes.fromhex(host[at : at + 8]) for at in range(0, len(host), 8))
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return f"{ipaddress.ip_address(packed)}:{int(port, 16)}"


def _unix(net: Path) -> Iterator[Listening]:
    for line in (net / "unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if int(fields[3], 16) & ACCEPTS_CONNECTIONS:
            yield Listening("unix", fields[7] if len(fields) > 7 else "", int(fields[6]))


def listening_of(pid: int) -> list[Listening]:
    """Those of them that are this process's."""
    links = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return [socket for socket in listening(pid) if f"socket:[{socket.inode}]" in links]
