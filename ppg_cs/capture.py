"""Captured output: stdout and stderr of an attempt are files of the run directory, one pair per slot.

Slot files are reused: a slot is free again only when nothing of its attempt lives, every attempt opens them anew and
truncates them, and the supervisor has read the tails by then. What failed attempts wrote is kept under the attempt's
own name (`kept_paths`). A running attempt that writes more than the cap loses the middle: the supervisor punches a
hole between the head and the tail, so the writer never notices and never blocks, unlike with a pipe.
"""

from __future__ import annotations

import os

from ppg_cs.hygiene import punch_hole
from ppg_cs.marker import marker_path

STREAMS = ("out", "err")
_BLOCK_BYTES = 4096


def stream_path(run_directory: str, slot: int, stream: str) -> str:
    """Where the attempt in this slot writes; `stream` is "out" or "err"."""
    return f"{run_directory}/slot-{slot}.{stream}"


def stream_paths(run_directory: str, slot: int) -> tuple[str, str]:
    """Where it writes stdout and stderr."""
    return stream_path(run_directory, slot, "out"), stream_path(run_directory, slot, "err")


def slot_paths(run_directory: str, slot: int) -> tuple[str, str, str]:
    """All files of a slot."""
    return *stream_paths(run_directory, slot), marker_path(run_directory, slot)


def kept_paths(run_directory: str, attempt: int) -> tuple[str, str]:
    """Where whole stdout and stderr (capped) of a failed attempt are, as long as its session directory exists."""
    return f"{run_directory}/attempt-{attempt}.out", f"{run_directory}/attempt-{attempt}.err"


def keep(run_directory: str, slot: int, attempt: int, cap_bytes: int) -> None:
    """Put the streams of a failed attempt aside; the slot's next attempt makes new files."""
    limit_slot(run_directory, slot, cap_bytes)
    for stream, kept in zip(STREAMS, kept_paths(run_directory, attempt), strict=True):
        path = stream_path(run_directory, slot, stream)
        try:
            if os.stat(path).st_size:
                os.rename(path, kept)
        except OSError:
            pass


def tail(path: str, tail_bytes: int) -> bytes:
    """The end of a stream, at most `tail_bytes`; empty when there is none."""
    try:
        size = os.stat(path).st_size
        if size == 0:
            return b""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, tail_bytes, max(0, size - tail_bytes))
        finally:
            os.close(fd)
    except OSError:
        return b""


def tails(run_directory: str, slot: int, tail_bytes: int) -> tuple[bytes, bytes]:
    """Ends of stdout and stderr of the attempt in this slot."""
    out, err = (tail(stream_path(run_directory, slot, stream), tail_bytes) for stream in STREAMS)
    return out, err


def limit_slot(run_directory: str, slot: int, cap_bytes: int) -> None:
    """Give back what the streams of a slot occupy beyond the cap: first half and last half of it stay."""
    for stream in STREAMS:
        path = stream_path(run_directory, slot, stream)
        try:
            facts = os.stat(path)
            if facts.st_blocks * 512 > cap_bytes:
                _limit(path, facts.st_size, cap_bytes)
        except OSError:
            pass


def _limit(path: str, size_bytes: int, cap_bytes: int) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        head = cap_bytes // 2 // _BLOCK_BYTES * _BLOCK_BYTES
        hole = (size_bytes - cap_bytes // 2) // _BLOCK_BYTES * _BLOCK_BYTES - head
        if hole > 0 and not punch_hole(fd, head, hole):
            os.ftruncate(fd, 0)
    finally:
        os.close(fd)
