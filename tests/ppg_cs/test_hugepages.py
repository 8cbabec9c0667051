"""Huge pages: what is collapsed, what it takes, and when."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from ppg_cs import hugepages

MADV_COLLAPSE = 25


def test_collapsing_leaves_data_alone() -> None:
    data = [[i] for i in range(100_000)]
    hugepages.collapse(hugepages.rss_bytes())
    assert data == [[i] for i in range(100_000)]


def test_one_huge_page_that_is_missing_leaves_no_others_small() -> None:
    """The kernel says EINVAL of a chunk where one is empty, as of an advice that it does not know."""
    if not _kernel_collapses():
        pytest.skip("this kernel has no MADV_COLLAPSE: Linux 6.1 has")
    assert _gained_by_collapsing(empty_bytes=hugepages.CHUNK_BYTES) > hugepages.CHUNK_BYTES // 2


def _kernel_collapses() -> bool:
    """Asked of the kernel itself: that our code collapses nothing is no reason to skip its test."""
    size = 4 * hugepages.HUGE_PAGE_BYTES
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory[:] = b"x" * size
        try:
            memory.madvise(MADV_COLLAPSE)
        except OSError:
            return False
    return True


def _gained_by_collapsing(empty_bytes: int) -> int:
    """How much more is on huge pages afterwards, of a mapping whose beginning was never touched."""
    size = 2 * hugepages.CHUNK_BYTES
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory[empty_bytes:] = b"x" * (size - empty_bytes)
        before = _on_huge_pages()
        hugepages.collapse(hugepages.rss_bytes())
        return _on_huge_pages() - before


def _on_huge_pages() -> int:
    """Bytes of this process."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * int(rollup.split("AnonHugePages:")[1].split()[0])


@pytest.mark.parametrize(
    ("rss_bytes", "due_after"),
    [(hugepages.AT_ONCE_BYTES - 1, hugepages.FORKS_UNTIL_WORTHWHILE), (hugepages.AT_ONCE_BYTES, 0)],
)
def test_data_is_collapsed_once(monkeypatch: pytest.MonkeyPatch, rss_bytes: int, due_after: int) -> None:
    at: list[int] = []
    monkeypatch.setattr(hugepages, "_MADVISE", lambda *_: at.append(forks) or 0)
    for forks in range(2 * hugepages.FORKS_UNTIL_WORTHWHILE):
        hugepages.collapse_if_due(rss_bytes, forks)
    assert set(at) == {due_after}
