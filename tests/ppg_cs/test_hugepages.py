"""Huge pages: what is collapsed, what it takes, and when."""

from __future__ import annotations

import errno
import mmap
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ppg_cs import hugepages, hygiene

MADV_COLLAPSE = 25
SIZE = 64 << 20


def kernel_collapses() -> bool:
    """Asked of the kernel itself: that our code collapses nothing is no reason to skip its test."""
    with small_pages(4 * hugepages.HUGE_PAGE_BYTES) as memory:
        try:
            memory.madvise(MADV_COLLAPSE)
        except OSError as error:
            return error.errno != errno.EINVAL
    return True


needs_collapsing = pytest.mark.skipif("not kernel_collapses()", reason="no MADV_COLLAPSE here: Linux 6.1 has it")


def small_pages(size: int, empty_bytes: int = 0) -> mmap.mmap:
    """Memory that was written to, but for its beginning."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(empty_bytes, size, mmap.PAGESIZE):
        memory[at] = 1
    return memory


def on_huge_pages() -> int:
    """Bytes of this process."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * int(rollup.split("AnonHugePages:")[1].split()[0])


def gained_by_collapsing() -> int:
    """How much more is on huge pages afterwards."""
    before = on_huge_pages()
    hugepages.collapse(hugepages.rss_bytes())
    return on_huge_pages() - before


@contextmanager
def processes_that_end() -> Iterator[None]:
    """One after the other, and each shares what this one holds."""
    parent = os.getpid()
    child = os.fork()
    while child == 0:
        hygiene.die_with_parent(parent)
        if os.fork() == 0:
            os._exit(0)
        os.wait()
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_collapsing_leaves_data_alone() -> None:
    data = [[i] for i in range(100_000)]
    hugepages.collapse(hugepages.rss_bytes())
    assert data == [[i] for i in range(100_000)]


@needs_collapsing
def test_one_huge_page_that_is_missing_leaves_no_others_small() -> None:
    """The kernel says EINVAL of a chunk where one is empty, as of an advice that it does not know."""
    with small_pages(2 * hugepages.CHUNK_BYTES, empty_bytes=hugepages.CHUNK_BYTES):
        assert gained_by_collapsing() > hugepages.CHUNK_BYTES // 2


@needs_collapsing
def test_what_an_ending_process_lets_go_of_is_tried_again() -> None:
    """Jobs end all the time. For a moment they hold pages that they have unmapped, which can't be collapsed then."""
    for _ in range(8):
        with small_pages(SIZE), processes_that_end():
            assert gained_by_collapsing() > SIZE // 2


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
