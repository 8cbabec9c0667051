"""What the status store says of the last run: when, where, and how it ended. For `status` when no run goes on.

Written when the run's machine starts and again at its end, with commits that are made anyway; so a run that was killed
has a beginning and no end, and a run with nothing to do has both at once.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Protocol

KEY = "last run"


class _Texts(Protocol):
    def get_meta(self, key: str) -> str | None: ...


def begun(started_at: float) -> str:
    """The text for a run that goes on."""
    return _text(started_at)


def ended(started_at: float, done: int, failed: int, pruned: int, interrupted: bool) -> str:
    """The text for a run that ended."""
    return _text(started_at, ended_at=time.time(), done=done, failed=failed, pruned=pruned, interrupted=interrupted)


def last_run(store: _Texts) -> dict[str, Any] | None:
    """What was written, None if nothing was."""
    text = store.get_meta(KEY)
    try:
        run = json.loads(text) if text else None
    except ValueError:
        return None
    return run if isinstance(run, dict) else None


def _text(started_at: float, **facts: Any) -> str:
    who = {"host": os.uname().nodename, "pid": os.getpid()}
    return json.dumps({"started_at": started_at, "ended_at": None, **who, **facts})
