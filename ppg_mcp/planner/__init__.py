"""The planner: what must run, and in which order it becomes possible. A pure core, see `core`."""

from .core import Planner
from .events import (
    Adopt,
    Failed,
    Instruction,
    Prune,
    Refresh,
    Remove,
    Start,
    Succeeded,
    Unload,
    Withdraw,
)
from .node import Current, Files, Former, Kind, Node, State, Verdict
from .reasons import Reason

__all__ = [
    "Adopt",
    "Current",
    "Failed",
    "Files",
    "Former",
    "Instruction",
    "Kind",
    "Node",
    "Planner",
    "Prune",
    "Reason",
    "Refresh",
    "Remove",
    "Start",
    "State",
    "Succeeded",
    "Unload",
    "Verdict",
    "Withdraw",
]
