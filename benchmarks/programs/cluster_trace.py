"""What a simulated coordinator heard, in the order in which it did: a stream of [time, kind, peer, field…] in msgpack.

`Tally`: what was said to and by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import msgpack

ARRIVED, SPOKE, TICKED = 0, 1, 2
FIRST_NUMBER = 1


class Recorder:
    """Writes it."""

    def __init__(self, trace: BinaryIO) -> None:
        self._trace, self._pack = trace, msgpack.Packer().pack

    def note(self, now: float, kind: int, peer: bytes = b"", *fields: bytes) -> None:
        self._trace.write(self._pack([now, kind, peer, *fields]))


def events(trace: BinaryIO) -> Iterator[list[Any]]:
    """Reads it again."""
    return iter(msgpack.Unpacker(trace, max_buffer_size=1 << 30))


class Tally:
    """Messages by time, kind and size; the ends of jobs; when pipegraphs came and went."""

    def __init__(self) -> None:
        self._messages: list[tuple[float, str, int]] = []
        self._ended: list[float] = []
        self._changes: list[float] = []

    def message(self, now: float, kind: str, size_bytes: int) -> None:
        self._messages.append((now, kind, size_bytes))

    def job_ended(self, now: float) -> None:
        self._ended.append(now)

    def pipegraph_changed(self, now: float) -> None:
        self._changes.append(now)

    def by_kind(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for _, kind, _ in self._messages:
            found[kind] = found.get(kind, 0) + 1
        return found

    def whole(self) -> dict[str, float]:
        """All of it, per job."""
        return self._within(0.0, float("inf"))

    def calm(self, settle_s: float) -> dict[str, float]:
        """Of the longest time, begun so long after a change, in which no pipegraph came or went."""
        spans = [(until - since, since, until) for since, until in pairwise(sorted(self._changes))]
        _, since, until = max(spans, default=(0.0, 0.0, float("inf")))
        return self._within(min(since + settle_s, until), until)

    def _within(self, since: float, until: float) -> dict[str, float]:
        sizes = [size for at, _, size in self._messages if since <= at < until]
        jobs = sum(since <= at < until for at in self._ended)
        return {
            "seconds": min(until, max(self._ended)) - since,
            "jobs": jobs,
            "messages": len(sizes),
            "bytes": sum(sizes),
        }
