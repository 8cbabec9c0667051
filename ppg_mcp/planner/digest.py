"""Digest of a job's inputs: one number that says whether anything that it depends on changed.

The status store keeps it beside the list of inputs, so that a run with nothing to do compares 16 bytes per job and
reads the list only to explain a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from xxhash import xxh3_128_digest

_lengths = Struct("<IB").pack


def input_digest(job_id: str, fingerprint: bytes) -> bytes:
    """`inputs_digest` of a single one."""
    name = job_id.encode() if job_id.isascii() else job_id.encode("utf-8", "surrogatepass")
    return xxh3_128_digest(_lengths(len(name), len(fingerprint)) + name + fingerprint)


def inputs_digest(job_ids: Sequence[str], fingerprints: Sequence[bytes]) -> bytes:
    """16 bytes over (job id, fingerprint) pairs; the caller sorts by job id. Ids may hold surrogate escapes."""
    parts: list[bytes] = []
    for job_id, fingerprint in zip(job_ids, fingerprints, strict=True):
        name = job_id.encode("utf-8", "surrogatepass")
        parts += (_lengths(len(name), len(fingerprint)), name, fingerprint)
    return xxh3_128_digest(b"".join(parts))
