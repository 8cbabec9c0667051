"""A cold run of independent.py that says how long it was in the status store: commits.py JOBS"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

import engines
from independent import build

from ppg_mcp.store import StatusStore

spent_s: Counter[str] = Counter()


def clocked(name: str) -> None:
    """Replace a method by one that adds up its seconds."""
    method = getattr(StatusStore, name)

    def call(*arguments: Any, **named: Any) -> Any:
        begin = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spent_s[name] += time.perf_counter() - begin

    setattr(StatusStore, name, call)


for name in ("commit", "tombstone", "record"):
    clocked(name)
ours = engines.engine("ours")
ours.new()
build(ours, int(sys.argv[1]))
begin = time.perf_counter()
ours.run()
run_s = time.perf_counter() - begin
engines.say(commit_s=spent_s["commit"], buffer_s=spent_s["tombstone"] + spent_s["record"], run_s=run_s)
