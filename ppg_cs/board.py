"""The board: memory shared by the processes of a session, on which attempts leave what they have to report.

One shared mapping, made before the first fork, of nothing or, for a data process that is started by exec, of a memfd
that it is handed; every slot (a place for one running attempt) has a stripe with
two records: *reached* (written right before the callback is called) and *result* (written at the end). The supervisor
looks at them when it learns that the process has ended. Rules:

- A record names the key of its attempt, so a slot needs no wiping: whatever is left of an older attempt doesn't match.
- Body first, header last: a process killed in between has written nothing. Body and header carry a CRC, since a job
  that runs amok may scribble anywhere.
- A record too large for its stripe goes to a file of the run directory; the header says so.

Rejected: a pipe per attempt. It costs the supervisor and the data process a pipe, four closes, a message with
descriptors and one or two wake-ups per job, blocks a job whose result exceeds the pipe's buffer until somebody reads,
and is lost when a callback closes all descriptors, which a mapping survives.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib

_HEADER = struct.Struct("<qIIIi")
"""Key, length, CRC of the body, whether it spilled, CRC of the former (as signed)."""

STRIPE_BYTES = 64 << 10
_RESULT_OFFSET = 16 << 10
SPILLED_RECORD_BYTES_MAX = 1 << 30

REACHED = "reached"
RESULT = "result"
_PLACES = {REACHED: (0, _RESULT_OFFSET), RESULT: (_RESULT_OFFSET, STRIPE_BYTES - _RESULT_OFFSET)}


class Board:
    """Records of `slots` slots; bodies that don't fit into their stripe are files of `run_directory`."""

    def __init__(self, slots: int, run_directory: str, memory: int = -1) -> None:
        """`memory`: descriptor of memory of this size (see `shared_memory`), -1 for anonymous memory."""
        self._memory = mmap.mmap(memory, slots * STRIPE_BYTES)
        self._run_directory = run_directory

    def write(self, slot: int, key: int, record: str, body: bytes) -> None:
        """Leave a record; called by the process of the attempt. Raises OSError when a large one can't be written."""
        offset, room = _PLACES[record]
        start = slot * STRIPE_BYTES + offset
        at = start + _HEADER.size
        spilled = len(body) > room - _HEADER.size
        if spilled:
            with open(self._spill_path(slot, record), "wb") as file:
                file.write(body)
        else:
            self._memory[at : at + len(body)] = body
        self._memory[start:at] = _header(key, len(body), zlib.crc32(body), spilled)

    def read(self, slot: int, key: int, record: str) -> bytes | None:
        """The record that the attempt `key` left, None if it left none or something has damaged it."""
        offset, room = _PLACES[record]
        start = slot * STRIPE_BYTES + offset
        at = start + _HEADER.size
        header = self._memory[start:at]
        found, length, crc, spilled, _ = _HEADER.unpack(header)
        if found != key or header != _header(found, length, crc, bool(spilled)):
            return None
        body = self._read_spilled(slot, record, length) if spilled else self._memory[at : at + min(length, room)]
        return body if body is not None and len(body) == length and zlib.crc32(body) == crc else None

    def _read_spilled(self, slot: int, record: str, length: int) -> bytes | None:
        if length > SPILLED_RECORD_BYTES_MAX:
            return None
        path = self._spill_path(slot, record)
        try:
            with open(path, "rb") as file:
                body = file.read(length + 1)
            os.unlink(path)
        except OSError:
            return None
        return body

    def _spill_path(self, slot: int, record: str) -> str:
        return f"{self._run_directory}/slot-{slot}.{record}"


def shared_memory(slots: int) -> int:
    """A new memfd for a board that unrelated processes share."""
    fd = os.memfd_create("ppg-board")
    os.ftruncate(fd, slots * STRIPE_BYTES)
    return fd


def _header(key: int, length: int, crc: int, spilled: bool) -> bytes:
    check = zlib.crc32(b"%d %d %d %d" % (key, length, crc, spilled)) - (1 << 31)
    return _HEADER.pack(key, length, crc, spilled, check)
