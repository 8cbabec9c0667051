"""What a master and whoever asks it say to each other: one line of JSON there, one line of JSON back, then the end.

The socket is in the session directory, which only its user may enter; the master looks at the peer's uid as well.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_REQUEST_BYTES = 1 << 16
MAX_ANSWER_BYTES = 16 << 20
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid; see unix(7)


def socket_path(run_directory: Path) -> Path:
    """Where the master of a session listens."""
    return run_directory / "ask"


def encode(message: Mapping[str, Any]) -> bytes:
    """One line. Any text survives, lone surrogates too, because everything beyond ASCII is escaped."""
    return json.dumps(message, ensure_ascii=True).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The inverse of `encode`; raises ValueError for anything but a JSON object."""
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message


def is_trusted(connection: socket.socket) -> bool:
    """Is the process at the other end this user's, or root's? Raises OSError."""
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(peer)[1] in (os.geteuid(), 0)
