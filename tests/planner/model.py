"""What the oracle and the simulated world share: the graph as declared, files, records. Plain data, no planner.

Fingerprints and contents are readable strings. `interned` makes short ones of long ones, so that comparing two
fingerprints never walks a graph; equal strings mean equal origins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ppg_mcp.planner import Kind

ON_DEMAND = frozenset((Kind.TEMPORARY, Kind.CACHED, Kind.LOADING))
WITH_FILES = frozenset((Kind.OUTPUT, Kind.TEMPORARY, Kind.CACHED))
ALWAYS = frozenset((Kind.GENERATING, Kind.INJECTING, Kind.FINAL))

NEVER_SEEN = "never seen"
"""Content of the temporary file in the record of a job of which only the file that stays was there to be adopted."""

Both = tuple[str, str]
"""A fingerprint in the strict reading and by content."""


@dataclass(frozen=True)
class Graph:
    """What the user's script says in one run, and how the callbacks will behave."""

    kinds: dict[str, Kind]
    """Topologically ordered."""
    inputs: dict[str, frozenset[str]]
    values: dict[str, str]
    """Of invariants; empty: it can't be taken."""
    by_content: frozenset[str] = frozenset()
    keeps: frozenset[str] = frozenset()
    """Temporary jobs that make a file that stays, too: see `kept`."""
    masked: dict[str, str] = field(default_factory=dict)
    """Job -> the invariant whose edge `ignore_code_changes` masks."""
    adopt: bool = False
    fails: frozenset[str] = frozenset()
    noisy: frozenset[str] = frozenset()
    """Jobs whose content differs in every run."""
    makers: dict[str, str] = field(default_factory=dict)
    """Job that is not declared but generated -> the generating or injecting job that makes it."""
    injected: frozenset[tuple[str, str, str]] = frozenset()
    """(injecting job, dependant, new prerequisite of the dependant)."""


@dataclass(frozen=True)
class File:
    """Content "" is an empty file, which no job here allows."""

    content: str
    mtime: int


@dataclass(frozen=True)
class Digests:
    """What the planner made of a record's inputs; the oracle does not look at it."""

    strict: bytes
    content: bytes
    inputs: dict[str, tuple[bytes, bytes]]


@dataclass(frozen=True)
class Record:
    """What the store holds of a job that ended well."""

    build_id: str
    inputs: dict[str, Both]
    content: str
    mtime: int = field(compare=False, default=0)
    digests: Digests | None = field(compare=False, default=None)


class Tombstone:
    """Stands in the place of a record from dispatch to the end of a job."""

    def __repr__(self) -> str:
        return "TOMBSTONE"


TOMBSTONE = Tombstone()
Store = dict[str, Record | Tombstone]

_numbers: dict[object, str] = {}


def interned(*what: object) -> str:
    """A short name for `what`, the same for equal ones."""
    name = _numbers.get(what)
    if name is None:
        name = _numbers[what] = f"#{len(_numbers)}"
    return name


def addressed(kind: Kind, inputs: dict[str, Both]) -> Both:
    """The fingerprint of an input-addressed node."""
    return (
        interned("addressed", kind, tuple(sorted((p, both[0]) for p, both in inputs.items()))),
        interned("addressed", kind, tuple(sorted((p, both[1]) for p, both in inputs.items()))),
    )


def product(job: str, contents: dict[str, str], noise: int) -> str:
    """What a job makes of its inputs' contents; `noise` is 0 for a deterministic one."""
    return interned("product", job, tuple(sorted(contents.items())), noise)


def kept(job: str) -> str:
    """The name of the file that stays, of a temporary job that keeps one."""
    return f"{job}.kept"


def build_id(job: str, run: int) -> str:
    """Unique because an output is built at most once in a run."""
    return f"{job}@{run}"
