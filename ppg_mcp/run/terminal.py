"""What the user is told on standard error. It is lost when nobody reads there any more: that is not worth the run.

A terminal that hung up gives EIO, a pipe whose reader left EPIPE, a stream that was closed ValueError, and what a
script put in its place anything at all. What can't be written must not wait in the buffer of `sys.stderr` either: the
interpreter tries once more at its end, and a script that ended well would leave with status 120.
"""

from __future__ import annotations

import io
import sys
from typing import TextIO


def unbuffered(stream: TextIO) -> TextIO:
    """The same without a buffer if it is the process's own standard error, else the stream itself."""
    if stream is not sys.__stderr__:
        return stream
    stream.flush()
    raw = io.FileIO(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", write_through=True)


def say(text: str) -> None:
    """A line; what the stream can't encode is escaped."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        direct = unbuffered(stream)
        direct.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        direct.flush()
    except Exception:  # noqa: BLE001, RUF100  # see above
        pass
