"""What the user is told on standard error. It is lost when nobody reads there any more: that is not worth the run.

A terminal that hung up gives EIO, a pipe whose reader left EPIPE, a stream that was closed ValueError, and what a
script put in its place anything at all.
"""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """A line; what the stream can't encode is escaped."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except Exception:  # noqa: BLE001, RUF100  # see above
        pass
