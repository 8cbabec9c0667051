"""What the store knows of one job. Shapes only, no I/O.

A record is the promise "this job ended well, from these inputs, and left these files". A tombstone takes the promise
back without losing what the record said, which still tells runtimes and why a job runs again.

Records are named tuples made straight from rows: a run of a million jobs makes a million of them before it decides
anything. What has a fixed width is one bytes object, cut when somebody looks: four of them and their tuple took twice
the memory. Rejected: a frozen dataclass (five times as long to make).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ppg_mcp.store.stored_text import pack, unpack

FILES_AT = 48
"""Where the files begin in `Record.packed`."""


class Record(NamedTuple):
    """One job's row. `packed`: build id and digests of the inputs in both readings, 16 bytes each, then the files.

    `files`: see `packed_files`. `tombstone`: "" for a valid record, else "attempt@session" of the attempt that may
    have touched the outputs; the other fields are then those of the former record, or empty if there was none.
    """

    packed: bytes
    runtime_s: float
    tombstone: str

    @property
    def build_id(self) -> bytes:
        """Random per execution."""
        return self.packed[:16]

    @property
    def inputs_strict(self) -> bytes:
        """Digest of the inputs in the strict reading."""
        return self.packed[16:32]

    @property
    def inputs_content(self) -> bytes:
        """The same by content."""
        return self.packed[32:FILES_AT]

    @property
    def files(self) -> bytes:
        """Packed stats of the outputs."""
        return self.packed[FILES_AT:]


class Input(NamedTuple):
    """One input of a job as it was at dispatch: the fingerprint in both readings."""

    job_id: str
    strict: bytes
    content: bytes


def pack_inputs(inputs: tuple[Input, ...]) -> bytes:
    """An array of `[job id, strict, content]`."""
    return pack(inputs)


def unpack_inputs(packed: bytes) -> tuple[Input, ...]:
    """What `pack_inputs` packed. Raises ValueError when it is damaged."""
    rows = unpack(packed)
    if not isinstance(rows, tuple) or not all(map(_is_input, rows)):
        raise ValueError("damaged list of inputs")
    return tuple(map(Input._make, rows))


def _is_input(row: Any) -> bool:
    return (
        isinstance(row, tuple)
        and len(row) == 3
        and isinstance(row[0], str)
        and isinstance(row[1], bytes)
        and isinstance(row[2], bytes)
    )
