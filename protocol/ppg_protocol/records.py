"""What messages are made of: records without a number of their own, outcomes, blobs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

Blob = NewType("Blob", bytes)
"""Bytes that travel as a frame of their own: no copy into the msgpack body, a limit of their own."""
NOTHING = Blob(b"")


class Outcome(IntEnum):
    """How an attempt ended."""

    OK = 0
    EXCEPTION = 1
    """The callback raised, or its outputs broke the contract."""
    SIGNAL = 2
    EXIT = 3
    """The process left by itself without a result (`os._exit`)."""
    LOST = 4
    """The process went down with its data process or machine; whose fault it was is not known."""
    CANCELLED = 5


@dataclass(frozen=True, slots=True)
class FileStat:
    """One output as its job left it. `digest` is xxh3_128 of the content, empty above the size cap."""

    size_bytes: int
    mtime_ns: int
    inode: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class AwaitedFile:
    """A file made on another machine (`made_on`, a host), and what its stat must say before it may be read here."""

    path: str
    size_bytes: int
    mtime_ns: int
    made_on: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `pickled` is the cloudpickled exception, empty when it could not be pickled.

    `signal` and `exit_code` are -1 where they do not apply.
    """

    type_name: str
    text: str
    traceback: str
    pickled: bytes
    signal: int
    exit_code: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt took: wall-clock and CPU seconds, peak resident bytes beyond what it shared at its start."""

    runtime_s: float
    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution, as importlib.metadata names it."""

    name: str
    version: str
