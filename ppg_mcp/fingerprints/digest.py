"""The one hash of fingerprints: xxh3_128, 16 bytes.

Rule: xxhash is imported by the first call, not by the import of this module. Encodings (`encode_function`,
`encode_value`) need no hash, so they can be compared between interpreters that have no xxhash of their own.
Rejected: blake3 and sha256. A fingerprint guards against change, not against an attacker, and xxh3 costs a tenth of a
microsecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_xxh3_128: Callable[[Any], bytes] | None = None


def digest(data: Any) -> bytes:
    """16 bytes for any object with a contiguous buffer of bytes."""
    global _xxh3_128
    if _xxh3_128 is None:
        from xxhash import xxh3_128_digest

        _xxh3_128 = xxh3_128_digest
    return _xxh3_128(data)
