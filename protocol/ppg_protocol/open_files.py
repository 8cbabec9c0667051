"""How many files, and so connections, this process may have open.

Whoever serves strangers needs more than the usual soft limit of 1024: a thousand silent connections, each of which is
dropped only after `curve.HANDSHAKE_MS`, would shut everybody else out. Not done by ServerLink: children inherit the
limit, so its owner decides, and remembers what was before.
"""

from __future__ import annotations

import resource


def raise_soft_limit() -> int:
    """Raise the soft RLIMIT_NOFILE to the hard one; returns the soft one of before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft
