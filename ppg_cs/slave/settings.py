"""What a slave daemon was told: by its command line, environment and configuration file (see `command`)."""

from __future__ import annotations

from dataclasses import dataclass

from ppg_protocol.curve import CurveClient, KeyPair


@dataclass(frozen=True, slots=True)
class SlaveSettings:
    """`coordinator`: endpoint. `coordinator_key`: its public key; `user`: the user's own keys; neither for ipc://.
    `drain_s`: how long jobs may go on after the first signal. `lease_s`: for how long a supervisor goes on
    without its master. `await_files_s`: how long jobs wait for files of other machines."""

    coordinator: str
    machine_id: str
    cores: int
    memory_bytes: int
    engine_version: str
    heartbeat_s: float = 2.0
    lease_s: float = 60.0
    drain_s: float = 600.0
    await_files_s: float = 60.0
    coordinator_key: bytes = b""
    user: KeyPair | None = None

    def client(self, server_public: bytes) -> CurveClient | None:
        """How to connect to who has this public key; None without keys."""
        return None if self.user is None else CurveClient(self.user, server_public)

    @property
    def silence_s(self) -> float:
        """After which the coordinator counts as away."""
        return 10 * self.heartbeat_s
