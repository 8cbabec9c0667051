"""Source texts of functions as they are stored, beside the descriptions of values: one per code, not one per job.

zlib, since a text of some KB is kept for every version of every callback. Whoever makes the text bounds it
(`ppg_mcp.fingerprints`); the bound here only keeps a damaged row from filling the memory.
"""

from __future__ import annotations

import zlib

MAX_SOURCE_BYTES = 1 << 20
_LEVEL = 6


def packed_source(text: str) -> bytes:
    """Compressed."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)


def unpacked_source(packed: bytes) -> str:
    """What `packed_source` packed. Raises ValueError when it is damaged."""
    bounded = zlib.decompressobj()
    try:
        return bounded.decompress(packed, MAX_SOURCE_BYTES).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"damaged source text: {error}") from error
