"""A change of the graph as plain data: what a generating job did, on its way from a compute slave to the master."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields
from typing import Any

import msgpack

from ppg_protocol.errors import RemoteProtocolError

from .fingerprints import Description


@dataclass(slots=True)
class JobChange:
    """A new job. `value`, `description`, `warnings` are an invariant's; of watched files the master takes them.

    `acceptance` is what a ParameterInvariant wants to be remembered, as a list of its fields, or empty.
    `pruned`: the callback made it and pruned it.
    `masked` is the id of the input that `ignore_code_changes` masks, or empty.
    """

    job_id: str
    kind: int
    type_name: str
    inputs: list[str]
    paths: list[str]
    kept: list[str]
    empty_ok: bool
    cores: int
    memory: int
    early_cutoff: bool | None
    masked: str
    value: bytes
    description: Description
    warnings: list[str]
    watched: list[str]
    acceptance: list[Any]
    pruned: bool


_FIELDS = len(fields(JobChange))


@dataclass(slots=True)
class Change:
    """New jobs; new edges (dependant, prerequisite) of jobs that existed; jobs to inject into all dependants; source
    texts by the part `code` of the new FunctionInvariants, each once."""

    jobs: list[JobChange]
    edges: list[tuple[str, str]]
    injected: list[str]
    sources: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """As msgpack."""
        plain: list[Any] = [[astuple(job) for job in self.jobs], self.edges, self.injected, self.sources]
        encoded: bytes = msgpack.packb(plain, unicode_errors="surrogatepass")
        return encoded

    @classmethod
    def decode(cls, encoded: bytes) -> Change:
        """The inverse of `encode`; raises RemoteProtocolError for anything else."""
        try:
            jobs, edges, injected, sources = msgpack.unpackb(encoded, unicode_errors="surrogatepass")
            if any(len(job) != _FIELDS for job in jobs):
                raise ValueError("a job with another number of fields")
            return cls([JobChange(*job) for job in jobs], [(a, b) for a, b in edges], list(injected), dict(sources))
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise RemoteProtocolError(f"A compute slave sent a graph change that can't be read: {error}") from error
