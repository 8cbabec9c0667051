"""What changed in the inputs of a job, as data: of each input which part, from what to what, as a diff if it is long.

The fingerprints of then and now are in the job's history (or the planner); what they stood for is looked up:
descriptions of values and source texts of functions, each kept once in the status store.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from ..store import InputChange
from .items import one_per_line

MAX_DIFF_LINES = 400
CODE = "code"


class Lookup(Protocol):
    """Where values and sources are described."""

    def description(self, fingerprint: bytes) -> Mapping[str, str] | None:
        """The parts of a value, None if it was never described."""

    def source(self, code: bytes) -> str:
        """The source text of a code, "" if there is none."""


def detailed(changes: Iterable[InputChange], lookup: Lookup) -> list[dict[str, Any]]:
    """One entry per changed input: `input`, `what` ("new", "gone", "changed") and `parts`, each with `name` and either
    `then` and `now`, or `diff` (lines), or `unknown` (why nothing can be shown)."""
    return [_detail(change, lookup) for change in changes]


def _detail(change: InputChange, lookup: Lookup) -> dict[str, Any]:
    what = "new" if not change.then else "gone" if not change.now else "changed"
    then, now = lookup.description(change.then), lookup.description(change.now)
    parts = list(_parts(then, now, lookup)) if what == "changed" and then and now else []
    if then and now and not parts:
        parts = [{"name": "value", "unknown": "it differs only beyond what is kept of it"}]
    return {"input": change.job_id, "what": what, "parts": parts}


def _parts(then: Mapping[str, str], now: Mapping[str, str], lookup: Lookup) -> Iterator[dict[str, Any]]:
    for name in sorted(then.keys() | now.keys()):
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if name == CODE and old is not None and new is not None:
            yield {"name": name, **_of_code(lookup.source(bytes.fromhex(old)), lookup.source(bytes.fromhex(new)))}
        else:
            yield {"name": name, **_of_value(old, new)}


def _of_code(old: str, new: str) -> dict[str, Any]:
    if not old or not new:
        return {"unknown": f"the source text of {'then' if not old else 'now'} was not kept"}
    if old == new:
        return {"unknown": "the source texts are equal: it was compiled otherwise"}
    return {"diff": _diff(old.splitlines(), new.splitlines())}


def _of_value(old: str | None, new: str | None) -> dict[str, Any]:
    lines = [one_per_line(text) if text is not None else [] for text in (old, new)]
    if max(map(len, lines)) <= 1:
        return {"then": old, "now": new}
    return {"then": old, "now": new, "diff": _diff(*lines)}


def _diff(old: list[str], new: list[str]) -> list[str]:
    lines = list(difflib.unified_diff(old, new, "then", "now", lineterm=""))
    if len(lines) > MAX_DIFF_LINES:
        lines[MAX_DIFF_LINES:] = [f"… and {len(lines) - MAX_DIFF_LINES} more lines"]
    return lines
