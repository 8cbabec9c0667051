"""Machines that may still run something of an earlier run of the project, as its status store remembers.

Written before the first job is sent to a machine, and once more at the end: then it names those that did not confirm
that they ended. A run that finds such machines starts nothing before they are cleared, or their leases are over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

KEY = "machines in use"


class _Texts(Protocol):
    def get_meta(self, key: str) -> str | None: ...
    def set_meta(self, key: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Former:
    """Machine ids, and how long after the end of that run something may run there."""

    machines: frozenset[str]
    patience_s: float


def former_machines(store: _Texts) -> Former:
    """What the store remembers."""
    try:
        facts = json.loads(store.get_meta(KEY) or "{}")
        return Former(frozenset(facts.get("machines", ())), float(facts.get("patience_s", 0.0)))
    except (ValueError, TypeError, AttributeError):
        return Former(frozenset(), 0.0)


def patience_s(former: Former) -> float:
    """How long one has to wait who can't ask these machines."""
    return former.patience_s if former.machines else 0.0


def remember(store: _Texts, machines: Iterable[str], patience_s: float) -> None:
    """With the next commit."""
    store.set_meta(KEY, json.dumps({"machines": sorted(machines), "patience_s": patience_s}))
