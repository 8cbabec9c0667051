"""How one job fared in one run."""

from __future__ import annotations

from typing import NamedTuple


class JobResult(NamedTuple):
    """`exception` is the callback's own where it could be pickled. `stdout` and `stderr` are tails."""

    was_run: bool = False
    failed: bool = False
    pruned: bool = False
    exception: BaseException | None = None
    error_reason: str = ""
    traceback: str = ""
    stdout: str = ""
    stderr: str = ""
    runtime_s: float = 0.0
    peak_rss_bytes: int = 0


NOT_RUN = JobResult()
