"""Waiting for a condition, and looking for what runs: what tests of launchers see of the world."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cluster.ports import Port

T = TypeVar("T")

PATIENCE_S = 120.0
"""Far more than anything here takes; a failure shows what was there instead."""
PORTS: list[Port] = []


def wait_for(what: Callable[[], T], explain: Callable[[], str] = lambda: "", patience_s: float = PATIENCE_S) -> T:
    """The first true value of `what`."""
    deadline = time.monotonic() + patience_s
    while not (value := what()):
        assert time.monotonic() < deadline, f"{what} did not come true; {explain()}"
        time.sleep(0.05)
    return value


def processes_with(text: str) -> dict[int, str]:
    """Pids and command lines of all processes that were started with this text in their environment."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (directory / "environ").read_bytes():
                found[int(directory.name)] = (directory / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
    return found


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens at. It is kept for us as long as this process lives."""
    PORTS.append(Port())
    return PORTS[-1].number
