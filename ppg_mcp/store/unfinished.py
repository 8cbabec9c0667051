"""Stores under construction, and what a crash left of them.

A new store is built beside its place under a name that says who builds it, then linked into place: see `schema`. A
process that is killed meanwhile leaves that file. Rules:

- Such a file is removed by whoever holds the store, if its builder ran on this machine and is dead. Another one may be
  losing the race to create the same store at this moment.
- It is looked for only when the store is new or was not closed cleanly: a directory of 100,000 files takes 50 ms.

Rejected: a nameless file (O_TMPFILE). SQLite can't build one, and not every file system has them.
"""

from __future__ import annotations

import os
from pathlib import Path

from ppg_mcp.store.host_facts import HostFacts

_MARK = ".new-"
_COMPANIONS = ("-wal", "-journal", "-shm")


def unfinished_path(path: Path, facts: HostFacts) -> Path:
    """Where this process builds the store `path`."""
    builder = f"{facts.host}-{facts.pid}-{facts.start_time}-{os.urandom(4).hex()}"
    return path.with_name(f"{path.name}{_MARK}{builder}")


def remove_unfinished(path: Path, facts: HostFacts) -> None:
    """Remove what dead builders of the store `path` left. What can't be found or removed is left."""
    prefix = f"{path.name}{_MARK}"
    try:
        names = os.listdir(path.parent)
    except OSError:  # a directory may be writable and not readable
        return
    for name in names:
        if name.startswith(prefix) and _is_dead(_builder(name.removeprefix(prefix)), facts):
            try:
                path.with_name(name).unlink(missing_ok=True)
            except OSError:
                pass


def _builder(rest: str) -> tuple[str, str, str]:
    """Host, pid and start time, as text; empty when it is none of our names."""
    for companion in _COMPANIONS:
        rest = rest.removesuffix(companion)
    parts = rest.rsplit("-", 3)
    return (parts[0], parts[1], parts[2]) if len(parts) == 4 else ("", "", "")


def _is_dead(builder: tuple[str, str, str], facts: HostFacts) -> bool:
    host, pid, start_time = builder
    if host != facts.host or not pid.isdigit():
        return False
    return str(facts.start_time_of(int(pid))) != start_time
