"""What the planner knows of a job: plain data, gathered by others (the graph, the status store, a look at the files).

Fingerprints are 16 bytes. Every node has two of them, the *strict* reading and the reading *by content*
(semantics §2); they are equal for invariants and differ for outputs that were rebuilt with the same content.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """The kinds of semantics §1. The number is part of the fingerprints of input-addressed kinds: never renumber."""

    INVARIANT = 0
    OUTPUT = 1
    TEMPORARY = 2
    CACHED = 3
    LOADING = 4
    GENERATING = 5
    """Makes jobs that depend on older ones."""
    INJECTING = 6
    """Adds prerequisites to its dependants: they are judged after it has run."""
    FINAL = 7


class Files(IntEnum):
    """A job's files as found, compared with its record."""

    FINE = 0
    """All there, not empty (or allowed to be), and as recorded; just there when nothing is recorded."""
    MISSING = 1
    EMPTY = 2
    DIFFERENT = 3
    """There, but not as recorded: reruns temporary and cached jobs. Outputs have `Node.edited` instead."""


class State(IntEnum):
    """How far a node is."""

    WAITING = 0
    STARTED = 1
    """Handed out by Start."""
    DONE = 2
    """Its dependants may use it. A loading job is done when everything it loads from is there."""
    FAILED = 3
    PRUNED = 4
    """It can't be done, because something upstream failed."""


class Verdict(IntEnum):
    """The equation's answer."""

    OPEN = 0
    CURRENT = 1
    RUN = 2


INVARIANT, OUTPUT, TEMPORARY, CACHED, LOADING, GENERATING, INJECTING, FINAL = (int(kind) for kind in Kind)
WAITING, STARTED, DONE, FAILED, PRUNED = (int(state) for state in State)
OPEN, CURRENT, RUN = (int(verdict) for verdict in Verdict)

ON_DEMAND = frozenset((TEMPORARY, CACHED, LOADING))


class Former(NamedTuple):
    """What the status store holds of a job. `inputs` is only needed (and given) where an input is masked."""

    build_id: bytes
    strict: bytes
    """Digest of the recorded inputs in the strict reading; `content` is the other one."""
    content: bytes
    valid: bool = True
    """False: a tombstone stands in its place, the job was started and never came back."""
    files_content: bytes = b""
    """Fingerprint by content of the recorded outputs."""
    inputs: Mapping[str, tuple[bytes, bytes]] | None = None
    runtime_s: float = 0.0


class Current(NamedTuple):
    """Outputs in a row of which `Planner.holds` said that they are current, and all that the planner has to know of
    them: as columns, because of a million jobs most are so.

    `inputs` are indices of earlier nodes, which are none of these; `strict` their build ids, `content` the
    fingerprints of their files.
    """

    ids: list[str]
    inputs: list[tuple[int, ...]]
    strict: list[bytes]
    content: list[bytes]


class Node(NamedTuple):
    """One job to plan. `inputs` are indices of earlier nodes."""

    job_id: str
    kind: Kind
    inputs: tuple[int, ...] = ()
    value: bytes = b""
    """Of an invariant: its fingerprint; empty when it could not be taken, which fails it."""
    former: Former | None = None
    files: Files = Files.FINE
    """Of a temporary that also keeps files: how the others, that pass, were found."""
    edited: bytes = b""
    """Of an output whose files differ from their record by content: the fingerprint of what is there now."""
    adoption: Former | None = None
    """Of an output that may be adopted: the record it would get."""
    by_content: bool = False
    """Early cutoff: compare inputs by content."""
    masked: int = -1
    """The input that `ignore_code_changes` masks."""
    adopt: bool = False
    """Take existing files over whatever the record says (`new_pipegraph(adopt=True)`)."""
    kept: Files | None = None
    """Of a temporary that keeps files: how these were found. None: it keeps nothing."""
    own: tuple[str, bytes] | None = None
    """An invariant that nobody else depends on, id and value: an input that is spared a node of its own."""
    left_out: bool = False
    """Stands for a job that has no part in this run, in place of an invariant: what depends on it has none either."""
