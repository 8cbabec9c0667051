"""A cold run of independent.py that says how long the master was in the status store, and how often: commits.py JOBS"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

import engines
from independent import build

from ppg_mcp.store import StatusStore

BUFFERS = ("tombstone", "record", "executed", "describe")

spent_s: Counter[str] = Counter()
cpu_s: Counter[str] = Counter()
commits: Counter[bool] = Counter()
"""Those that are durable, and the others."""


def clocked(name: str) -> None:
    """Replace a method by one that adds up its seconds."""
    method = getattr(StatusStore, name)

    def call(*arguments: Any, **named: Any) -> Any:
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        try:
            return method(*arguments, **named)
        finally:
            spent_s[name] += time.perf_counter() - begin
            cpu_s[name] += time.thread_time() - begin_cpu

    setattr(StatusStore, name, call)


def counted() -> None:
    """Count the commits that write something."""
    method = StatusStore._set_synchronous

    def call(store: StatusStore, is_full: bool) -> None:
        commits[is_full] += 1
        method(store, is_full)

    setattr(StatusStore, method.__name__, call)


for name in ("commit", *BUFFERS):
    clocked(name)
counted()
ours = engines.engine("ours")
ours.new()
build(ours, int(sys.argv[1]))
begin = time.perf_counter()
ours.run()
run_s = time.perf_counter() - begin
engines.say(
    run_s=run_s,
    commit_s=spent_s["commit"],
    commit_cpu_s=cpu_s["commit"],
    buffer_s=sum(spent_s[name] for name in BUFFERS),
    commits=commits.total(),
    fsyncs=commits[True],
)
