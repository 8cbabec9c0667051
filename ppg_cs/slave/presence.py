"""That this daemon is alive, for all to see on this machine; and which others are.

A coordinator that is started again knows nothing of a daemon that is late, but what that one's jobs take is taken. So
daemons tell it of each other, see `Register`. Each binds a unix socket in the abstract namespace, whose name is made of
machine id, coordinator and a random part that names the daemon. The kernel takes it away when the process ends, however
it ends; whoever may look at /proc/net/unix finds it, whatever user it belongs to.

Rejected: files with locks (no directory is writable for all users and the same in all mount namespaces), /proc (hidepid
hides other users' processes), and the coordinator telling daemons of each other (one that was started again since then
would not know).

Daemons in network namespaces of their own do not see each other. By default they have other machine ids as well.
"""

from __future__ import annotations

import secrets
import socket
from hashlib import blake2b
from pathlib import Path

LIST = Path("/proc/net/unix")
MAX_NEIGHBOURS = 1000


class Presence:
    """Seen from now on, until `close` or the end of the process. `name` is ours."""

    def __init__(self, machine_id: str, coordinator: bytes) -> None:
        place = blake2b(coordinator + b"\0" + machine_id.encode(errors="surrogateescape"), digest_size=16)
        self._prefix = f"ppg-slave/{place.hexdigest()}/"
        self.name = secrets.token_hex(8)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{self._prefix}{self.name}".encode("ascii"))

    def neighbours(self) -> tuple[str, ...]:
        """Names of the others of the same machine and coordinator that are alive."""
        found: dict[str, None] = {}
        for line in LIST.read_bytes().splitlines():
            _, mark, name = line.partition(f"@{self._prefix}".encode("ascii"))
            if mark and name.isalnum() and len(name) <= 64:
                found[name.decode("ascii")] = None
        found.pop(self.name, None)
        return tuple(sorted(found))[:MAX_NEIGHBOURS]

    def close(self) -> None:
        """Not to be seen any more."""
        self._socket.close()
