"""Making fork() cheap for a process that holds much data: its small objects on huge pages.

fork() copies a page table entry per resident 4K page, and the child pays again for every page that it touches and at
its end. Large arrays are on huge pages already; millions of small Python objects are not. Their memory is advised
MADV_HUGEPAGE and collapsed at once (MADV_COLLAPSE, Linux 6.1, needs no privilege). Measured: for 4 million small lists
(470 MB) that took 1.3 s and cut fork() from 14 to 2.3 ms, a whole job from 56 to 15 ms.

When it pays: fork() and the child's end cost 0.1 ms per MB of small pages, collapsing 3 to 6 ms once. So every process
does it when it forks for the 64th time, whatever its size: it may have grown by then. What a load has made, of 256 MB
and more, is there to be forked from and is collapsed at once; to look at it later once more costs 2 ms per GB.

What it takes: a huge page is new memory. What no other process has moves there; of what is shared, with the script that
a run belongs to for one, a copy is made; holes are filled. So
    after a load, only what is this process' own is collapsed
    a huge page is made only where at least half of it is there; elsewhere nothing is advised either, for khugepaged
    fills holes in time, 1.5 MB a second
    all stays as it is unless twice the memory is available that copies and holes take
Rejected: mincore(2) instead of /proc/self/pagemap. It takes 1 ms per GB instead of 10, but doesn't tell what is shared.

Best effort: every error means that some pages stay as they are, and the time is bounded. EINVAL tells nothing: a kernel
without MADV_COLLAPSE says it, and any other of a chunk in which one huge page was empty or could not be had. EAGAIN is
tried again: a job that ends holds pages for some ms that it has unmapped, and these can't be collapsed meanwhile.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence

from ppg_cs import machine

_LIBC = ctypes.CDLL(None, use_errno=True)
_MADVISE = _LIBC.madvise
_MADVISE.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SHARED, _OWN = 0x80, 0x81
"""The flags of a page in its entry of /proc/self/pagemap, bits 56 to 63: it is there, and no other process has it."""

HUGE_PAGE_BYTES = 2 << 20
_PAGES = HUGE_PAGE_BYTES // _PAGE_BYTES
AT_ONCE_BYTES = 256 << 20
FORKS_UNTIL_WORTHWHILE = 64
CHUNK_BYTES = 64 << 20
CPU_SECONDS_PER_GIB = 6.0
RANGES = 10_000
"""Advice for a part of a mapping splits it, and a process may have 65,530 of them (vm.max_map_count)."""
TRIES = 20
PAUSE_S = 0.001


def rss_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * _PAGE_BYTES


def collapse(only_own: bool = False) -> None:
    """Put what this process holds on huge pages, or only what no other process holds as well."""
    rss = rss_bytes()
    deadline = time.thread_time() + CPU_SECONDS_PER_GIB * rss / (1 << 30)
    places, taken_bytes = [], 0
    for at, own, shared in _fillings():
        if time.thread_time() > deadline:
            break
        if 2 * (own if only_own else own + shared) >= _PAGES:
            places.append(at)
            taken_bytes += (_PAGES - own) * _PAGE_BYTES
    if 2 * taken_bytes > min(machine.available_bytes(), machine.memory_bytes() - rss):
        return
    for at, length in _joined(places)[:RANGES]:
        if time.thread_time() > deadline:
            break
        _MADVISE(at, length, _MADV_HUGEPAGE)
        _collapse(at, length)


def _fillings() -> Iterator[tuple[int, int, int]]:
    """Where a huge page could be, how many pages are there of our own, and how many are shared."""
    try:
        pagemap = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        with open("/proc/self/maps") as maps:
            mappings = anonymous_mappings(maps)
        for start, end in mappings:
            for at in range(start, end, HUGE_PAGE_BYTES):
                flags = os.pread(pagemap, 8 * _PAGES, 8 * (at // _PAGE_BYTES))[7::8]
                yield at, flags.count(_OWN), flags.count(_SHARED)
    finally:
        os.close(pagemap)


def _joined(places: Sequence[int]) -> list[tuple[int, int]]:
    """Start and length of ranges, in which neighbours are together."""
    ranges: list[tuple[int, int]] = []
    for at in places:
        start, length = ranges[-1] if ranges else (0, 0)
        if start + length == at and length < CHUNK_BYTES:
            ranges[-1] = start, length + HUGE_PAGE_BYTES
        else:
            ranges.append((at, HUGE_PAGE_BYTES))
    return ranges


def _collapse(at: int, length: int) -> None:
    for _ in range(TRIES):
        if _MADVISE(at, length, _MADV_COLLAPSE) == 0 or ctypes.get_errno() != errno.EAGAIN:
            break
        time.sleep(PAUSE_S)


def anonymous_mappings(maps: Iterable[str]) -> list[tuple[int, int]]:
    """Of lines of /proc/self/maps: private writable mappings without a file, cut to whole huge pages."""
    mappings = []
    for line in maps:
        place, access, _, _, _, *name = line.split(maxsplit=5)
        if access == "rw-p" and (not name or name[0].startswith(("[heap]", "[anon:"))):
            start, end = (int(part, 16) for part in place.split("-"))
            start = -(-start // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
            end = end // HUGE_PAGE_BYTES * HUGE_PAGE_BYTES
            if end > start:
                mappings.append((start, end))
    return mappings
