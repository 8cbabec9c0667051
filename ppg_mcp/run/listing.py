"""The list of running jobs, as Enter shows it."""

from __future__ import annotations

import time

from .memory import memory_of
from .printable import duration, printable, size
from .situation import Running, Snapshot

MAX_LISTED = 100


def listing(snapshot: Snapshot) -> str:
    """One line per running job: id, since when, cores, memory of its processes; longest first."""
    jobs = snapshot.running[:MAX_LISTED]
    memory = memory_of([one.pid for one in jobs])
    lines = [_heading(snapshot), *(_line(one, snapshot.now, used) for one, used in zip(jobs, memory, strict=True))]
    lines += [f"  {printable(job_id)}: is loaded" for job_id in snapshot.loading]
    if len(snapshot.running) > MAX_LISTED:
        lines.append(f"  and {len(snapshot.running) - MAX_LISTED} more")
    return "\n".join(lines)


def _heading(snapshot: Snapshot) -> str:
    count = len(snapshot.running)
    return f"pypipegraph: {count} job{'s' if count != 1 else ''} running, {snapshot.waiting} waiting"


def _line(one: Running, now: float, memory_bytes: int | None) -> str:
    passed = now - one.since
    since = time.strftime("%H:%M:%S", time.localtime(time.time() - passed))
    cores = f"{one.cores} core{'s' if one.cores != 1 else ''}"
    memory = size(memory_bytes) if memory_bytes is not None else "unknown memory"
    return f"  {printable(one.job_id)}: since {since} ({duration(passed)}), {cores}, {memory}"
