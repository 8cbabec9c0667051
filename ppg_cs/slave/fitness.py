"""Whether this machine sees what the master sees, before anything is started: its project directory, its directory.

A nonce that the master wrote into the project directory proves that both are one. A network file system may show it
late, so an answer of `no` is worth another look for some time.
"""

from __future__ import annotations

import os
import socket

from ppg_protocol.cluster_messages import Prepare


def unfit(prepare: Prepare, mcp_host: str) -> str | None:
    """Why this machine can't work for this master, naming both hosts and what to do; None if it can."""
    host, project = socket.gethostname(), prepare.project_directory
    found = _read(prepare.nonce_file, len(prepare.nonce))
    if found != prepare.nonce:
        what = "is not there" if found is None else "holds something else"
        return (
            f"the project directory {project} of {mcp_host} is not shared: {prepare.nonce_file}, which {mcp_host} "
            f"wrote, {what} on {host}. Mount the same directory at the same path on both, or take {host} out of the "
            f"cluster."
        )
    if not os.access(prepare.cwd, os.X_OK):
        return (
            f"the directory {prepare.cwd} in which the run was started on {mcp_host} can't be entered on {host}. "
            f"Start the run in a directory that all machines share."
        )
    return None


def _read(path: str, length: int) -> bytes | None:
    try:
        os.close(os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC))  # makes NFS look again
        with open(path, "rb") as file:
            return file.read(length + 1)
    except OSError:
        return None
