"""A job that was given up since a load had failed elsewhere, and that ends well all the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from ppg_mcp.run.results import Results
from ppg_protocol.records import Usage


def test_what_is_made_after_all_is_not_among_what_was_not_run() -> None:
    results = Results(cast(Any, None), cast(Any, None))
    job, other = (cast(Any, SimpleNamespace(job_id=name, memory_needed=0, _result=None)) for name in ("job", "other"))
    for one in (job, other):
        results.prune(one, other)
    results.ran(job, b"", b"", Usage(1.0, 1.0, 0))
    assert results.pruned == {"other": "other"}
    assert job._result.was_run
    assert not job._result.failed
