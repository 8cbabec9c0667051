"""What the status store says of the last run: when, where, and how it ended. For `status` when no run goes on.

Written when the run's machine starts and again at its end, with commits that are made anyway; so a run that was killed
has a beginning and no end, and a run with nothing to do has both at once.

Of what leaves no trace in the store, as it was never started, the first jobs are named: `failed_inputs`, with their
errors, and `pruned_jobs` and `left_out_jobs`, with the job that failed or was pruned by hand. All three are bounded.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from itertools import islice
from typing import Any, Protocol

KEY = "last run"
MAX_NAMED = 1000
MAX_NAMED_CHARS = 1_000_000
NAMING = ("failed_inputs", "pruned_jobs", "left_out_jobs")


Pair = tuple[str, str]
"""Id of a job, and why it did not run."""


class _Texts(Protocol):
    def get_meta(self, key: str) -> str | None: ...


def begun(started_at: float) -> str:
    """The text for a run that goes on."""
    return _text(started_at)


def ended(started_at: float, interrupted: bool, counts: dict[str, int], named: dict[str, Iterable[Pair]]) -> str:
    """The text for a run that ended. `counts`: done, failed, pruned, left_out; `named`: pairs for each of `NAMING`."""
    lists = {what: _first(named[what]) for what in NAMING}
    return _text(started_at, ended_at=time.time(), interrupted=interrupted, **counts, **lists)


def last_run(store: _Texts) -> dict[str, Any] | None:
    """What was written, None if nothing was."""
    text = store.get_meta(KEY)
    try:
        run = json.loads(text) if text else None
    except ValueError:
        return None
    return run if isinstance(run, dict) else None


def _first(pairs: Iterable[Pair]) -> dict[str, str]:
    found: dict[str, str] = {}
    chars = 0
    for job_id, why in islice(pairs, MAX_NAMED):
        chars += len(job_id) + len(why)
        if chars > MAX_NAMED_CHARS:
            break
        found[job_id] = why
    return found


def _text(started_at: float, **facts: Any) -> str:
    who = {"host": os.uname().nodename, "pid": os.getpid()}
    return json.dumps({"started_at": started_at, "ended_at": None, **who, **facts})
