"""What a session process is told by its daemon, and the packets between the two (see `ppg_cs.control`).

to the session
    SETUP    fields of SessionSetup, those of its config in a mapping; the first packet
    LIMIT    number, cores, memory_bytes
    DRAIN
    STOP     reason
to the daemon
    HOLDING  number, cores, memory_bytes
    LEASE    until when (see `clock`) it may go on if it hears no more of its master
    WORDS    a line for the daemon's log
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ppg_cs.config import SupervisorConfig
from ppg_protocol.curve import CurveClient, KeyPair

SETUP, LIMIT, DRAIN, STOP = 1, 2, 3, 4
HOLDING, WORDS, LEASE = 17, 18, 19


@dataclass(frozen=True, slots=True)
class SessionSetup:
    """`config.mcp_pid` is the daemon, which also owns the run directory. `public_key`, `secret_key`: the user's CURVE
    keys, empty for ipc://. `lease_s`: for how long the supervisor goes on without being heard by its MCP."""

    config: SupervisorConfig
    machine_id: str
    lease_s: float
    public_key: bytes = b""
    secret_key: bytes = field(default=b"", repr=False)

    @property
    def curve(self) -> CurveClient | None:
        """For the link to the MCP, which has the same keys: both are the user's."""
        if not self.public_key:
            return None
        return CurveClient(KeyPair(self.public_key, self.secret_key), self.public_key)

    def pack(self) -> list[Any]:
        """As the fields of a packet."""
        return [asdict(self.config), self.machine_id, self.lease_s, self.public_key, self.secret_key]

    @classmethod
    def unpack(cls, fields: list[Any]) -> SessionSetup:
        """From the fields of a packet."""
        config, *rest = fields
        return cls(unpack_config(config), *rest)


def unpack_config(fields: dict[str, Any]) -> SupervisorConfig:
    """From `asdict`, after a packet has made lists of tuples."""
    return SupervisorConfig(**{**fields, "close_fds": tuple(fields["close_fds"])})
