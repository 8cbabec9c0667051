"""Exit codes of a session's supervisor, and what the daemon says of them."""

from __future__ import annotations

import os

LEASE_OVER = 4
UNFIT = 5
TERMINATED = 6
REFUSED = 7
ORPHANED = 8
_WORDS = {
    0: "its run is over, or it was told to leave",
    1: "its supervisor failed; the log of this machine's ppg-slave has it",
    LEASE_OVER: "its lease ran out: the master was not heard for too long",
    REFUSED: "its master refused it",
    UNFIT: "the machine is unfit for it, as was said to its master",
    ORPHANED: "its ppg-slave was gone",
    TERMINATED: "somebody ended it by SIGTERM",
}


def words(status: int) -> str:
    """Why a supervisor ended, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    return _WORDS.get(code, f"its supervisor was killed by signal {-code}" if code < 0 else f"exit code {code}")
