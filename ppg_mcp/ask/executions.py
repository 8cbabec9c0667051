"""Executions as they are told."""

from __future__ import annotations

from typing import Any

from ..store import Execution


def execution_as_data(one: Execution) -> dict[str, Any]:
    """Times in seconds (since 1970), memory in bytes; `outcome` is "ok" or the error in one line."""
    return {
        "ended_at": one.ended_at,
        "runtime_s": one.runtime_s,
        "peak_rss_bytes": one.peak_rss_bytes,
        "cores": one.cores,
        "host": one.host,
        "outcome": one.error or "ok",
        "reason": one.reason,
    }
