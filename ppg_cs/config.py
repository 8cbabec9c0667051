"""What a supervisor is told at its start: one frozen record, made by the master control program (MCP).

Everything a session needs to know lies here, so that no process of it reads the environment, and so that the network
daemon can send the same record to a data process that it starts by exec.
"""

from __future__ import annotations

from dataclasses import dataclass

from ppg_cs.reliefs import RELIEFS_MAX


@dataclass(frozen=True, slots=True)
class SupervisorConfig:
    """Facts and limits of one session on one machine.

    `endpoint`: ipc:// path in a directory of mode 0700. `run_directory`: mode 0700, on a local file system, private to
    this session; markers, captured output and spilled results live in it. `project_directory`: names the project;
    jobs are called in it, wherever the script went meanwhile.
    `cores`, `memory_bytes`: what may be used of the machine. `mcp_pid`: when that process goes, everything goes.
    `hash_cap_bytes`: outputs above it are not hashed. `output_cap_bytes`: what is kept on disk of one captured stream.
    `tail_bytes`: what travels of it. `heartbeat_s`: a link silent for so long gets a heartbeat. `silence_s`: a link
    silent for so long is lost. `await_files_s`: how long an attempt waits for files made on other machines.
    `close_fds`: descriptors of the MCP (locks, its store) that no child may keep open.
    """

    endpoint: str
    session: str
    epoch: int
    engine_version: str
    run_directory: str
    project_directory: str
    cores: int
    memory_bytes: int
    mcp_pid: int
    hash_cap_bytes: int = 4 << 30
    output_cap_bytes: int = 64 << 20
    tail_bytes: int = 64 << 10
    heartbeat_s: float = 2.0
    silence_s: float = 60.0
    await_files_s: float = 60.0
    close_fds: tuple[int, ...] = ()

    @property
    def slots(self) -> int:
        """Places for attempts: each has at least a core, but for reliefs; the rest is for successors and for places
        that were lost."""
        return self.cores + RELIEFS_MAX + 8
