"""Ids that somebody may have meant.

A master only hands out some of its ids; comparing them letter by letter takes seconds and is done by whoever asked.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice

MAX_CANDIDATES = 20_000
MAX_NEAR = 5
MAX_NAME_CHARS = 500


def candidates(names: Sequence[object], known: Iterable[str]) -> list[str]:
    """Known ids to compare: first those that hold the last part of the name."""
    ids = list(known)
    last = _wanted(names).rpartition("/")[2]
    holding = list(islice((job_id for job_id in ids if last in job_id), MAX_NEAR))
    return [*holding, *ids[:MAX_CANDIDATES]]


def near(names: Sequence[object], ids: Sequence[str]) -> list[str]:
    """The best few of the candidates."""
    wanted = _wanted(names)[:MAX_NAME_CHARS]
    last = wanted.rpartition("/")[2]
    close = difflib.get_close_matches(wanted, list(dict.fromkeys(ids)), MAX_NEAR, 0.6)
    return list(dict.fromkeys([*close, *(job_id for job_id in ids[:MAX_NEAR] if last in job_id)]))[:MAX_NEAR]


def _wanted(names: Sequence[object]) -> str:
    return next((name for name in names if isinstance(name, str) and name), "")
