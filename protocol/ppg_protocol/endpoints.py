"""Addresses of links: `ipc://PATH` inside a machine, `tcp://ADDRESS:PORT` between machines.

ADDRESS is a host name, an IPv4 address or an IPv6 address in brackets. A server may also say `*` for all IPv4
addresses, and instead of PORT `*` for any free port or LOW-HIGH for the first free one of a range.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ppg_protocol import limits
from ppg_protocol.errors import LocalProtocolError

_TCP = re.compile(r"(?:\[(?P<ipv6>[^][/]+)\]|(?P<host>[^][:/]+)):(?:(?P<any>\*)|(?P<low>\d+)(?:-(?P<high>\d+))?)")


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """`host` without brackets; the ports from `low` to `high`, 0 for any free one."""

    host: str
    low: int
    high: int

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host


def parse_endpoint(endpoint: str, serving: bool) -> TcpAddress | None:
    """The address of a tcp:// endpoint, None for ipc://. Raises LocalProtocolError when it can't be used."""
    scheme, _, rest = endpoint.partition("://")
    if scheme == "ipc":
        _check_path(endpoint, rest)
        return None
    if scheme != "tcp":
        raise LocalProtocolError(f"can't use {endpoint!r}: write tcp://ADDRESS:PORT or ipc://PATH")
    return _tcp_address(endpoint, rest, serving)


def _check_path(endpoint: str, path: str) -> None:
    if not 0 < len(os.fsencode(path)) <= limits.IPC_PATH_BYTES:
        raise LocalProtocolError(
            f"can't use {endpoint}: the path of a Unix socket has 1 to {limits.IPC_PATH_BYTES} bytes, this one "
            f"{len(os.fsencode(path))}; choose a directory with a shorter name"
        )


def _tcp_address(endpoint: str, rest: str, serving: bool) -> TcpAddress:
    parts = _TCP.fullmatch(rest)
    wanted = "tcp://ADDRESS:PORT, with [ADDRESS] for IPv6"
    if serving:
        wanted += ", and * or LOW-HIGH as the port where any free one will do"
    if parts is None:
        raise LocalProtocolError(f"can't use {endpoint!r}: write {wanted}")
    host = parts["ipv6"] or parts["host"]
    if parts["any"]:
        low = high = 0
    else:
        low, high = int(parts["low"]), int(parts["high"] or parts["low"])
    fits = (parts["any"] or 1 <= low <= high <= 65535) if serving else 1 <= low == high <= 65535 and host != "*"
    if not fits:
        raise LocalProtocolError(f"can't use {endpoint!r}: write {wanted}; ports go from 1 to 65535")
    return TcpAddress(host, low, high)
