"""Where the C library takes memory from, and when it gives it back, in processes that hold data.

What a load makes should lie side by side, for only whole huge pages within one mapping can be collapsed (`hugepages`).
The C library maps blocks of 128 KiB and more each by itself. A list or a dictionary that grows moves from one such
mapping to the next and leaves gaps, too small for the interpreter's arenas of 1 MiB, which go around them; so nothing
near a gap gets onto huge pages. From its heap, blocks below 32 MiB come without gaps. That is what glibc does by itself
once a block of that size was freed; here it does so from the beginning.

A heap gives back only what is free at its end, so what is free inside is given back after a load and an unload.

Best effort: other C libraries have no such calls, and whoever has set a threshold themselves has their way with it.
"""

from __future__ import annotations

import ctypes
import os

MAPPED_FROM_BYTES = 32 << 20
"""As large as glibc lets it be."""
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LIBC = ctypes.CDLL(None)


def gather() -> None:
    """From now on, take blocks of up to 32 MiB from the heap."""
    if not hasattr(_LIBC, "mallopt"):
        return
    if not _set_by_user("mmap_threshold"):
        _LIBC.mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
    if not _set_by_user("trim_threshold"):
        _LIBC.mallopt(_M_TRIM_THRESHOLD, 2 * MAPPED_FROM_BYTES)  # glibc's own ratio


def _set_by_user(threshold: str) -> bool:
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    return f"MALLOC_{threshold.upper()}_" in os.environ or f"glibc.malloc.{threshold}=" in tunables


def give_back() -> None:
    """Return free memory to the system, wherever in the heap it is."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(ctypes.c_size_t(0))
