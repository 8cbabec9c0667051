"""What the user is told on standard error. It is lost when nobody reads there any more: that is not worth the run.

A terminal that hung up gives EIO, a pipe whose reader left EPIPE, a stream that was closed ValueError.
"""

from __future__ import annotations

import sys

UNREADABLE = (OSError, ValueError)
"""What writing to a standard error raises that nobody reads."""


def say(text: str) -> None:
    """A line."""
    try:
        print(text, file=sys.stderr, flush=True)
    except UNREADABLE:
        pass
