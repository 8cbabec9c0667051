"""Why a job runs, or does not: one code per branch of the equation. `ppg_mcp.explain` makes sentences of them."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """The branch that decided; where it is about another job, the planner keeps that job's index beside it."""

    NONE = 0
    # run, because …
    NO_RECORD = 1
    TOMBSTONE = 2
    FILE_MISSING = 3
    FILE_EMPTY = 4
    FILE_DIFFERENT = 5
    INPUT_REBUILT = 6
    INPUTS_CHANGED = 7
    ALWAYS = 8
    DATA_NEEDED = 9
    # do not run, because …
    CURRENT = 16
    ADOPTED = 17
    STANDING = 18
    NOT_NEEDED = 19
