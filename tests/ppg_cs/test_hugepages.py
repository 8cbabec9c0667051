"""Huge pages: what is collapsed, what it takes, and when."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from cs_mcp import Mcp, file_task

from ppg_cs import allocator, hugepages, hygiene, machine
from ppg_cs.tasks import LoadTask, Task
from ppg_protocol.messages import Finished, Loaded, Unload

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


def small_pages(size: int, empty_bytes: int = 0, of_16: int = 16) -> mmap.mmap:
    """Memory whose beginning is empty; of the rest, so many of 16 pages each were written to."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    advise(memory, mmap.MADV_NOHUGEPAGE)
    for page in range(empty_bytes // mmap.PAGESIZE, size // mmap.PAGESIZE):
        if page % 16 < of_16:
            memory[page * mmap.PAGESIZE] = 1
    advise(memory, mmap.MADV_HUGEPAGE)
    return memory


def advise(memory: mmap.mmap, advice: int) -> None:
    with suppress(OSError):  # a kernel without huge pages
        memory.madvise(advice)


def address(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def on_huge_pages() -> int:
    """Bytes of this process."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * int(rollup.split("AnonHugePages:")[1].split()[0])


def tell_huge_pages(path: str) -> None:
    """What a job does here."""
    Path(path).write_text(str(on_huge_pages()))


def told(path: Path) -> int:
    """What it has found."""
    return int(path.read_text())


def gained_by_collapsing() -> int:
    """How much more is on huge pages afterwards."""
    before = on_huge_pages()
    hugepages.collapse()
    return on_huge_pages() - before


@contextmanager
def shared() -> Iterator[None]:
    """Another process has all that this one holds."""
    with another_process(signal.pause):
        yield


@contextmanager
def processes_that_end() -> Iterator[None]:
    """One after the other, and each shares what this one holds."""

    def end_one() -> None:
        if os.fork() == 0:
            os._exit(0)
        os.wait()

    with another_process(end_one):
        yield


@contextmanager
def another_process(act: Callable[[], object]) -> Iterator[None]:
    """It does this again and again."""
    parent = os.getpid()
    child = os.fork()
    while child == 0:
        hygiene.die_with_parent(parent)
        act()
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.fixture(autouse=True)
def _give_back() -> None:
    """What other tests have freed, lest a load seems to have taken less by it."""
    allocator.give_back()


@pytest.fixture
def advised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Of what the kernel is told anything: from where, to where."""
    ranges: list[tuple[int, int]] = []
    madvise = hugepages._MADVISE

    def tell(at: int, length: int, advice: int) -> int:
        ranges.append((at, at + length))
        return madvise(at, length, advice)  # type: ignore[no-any-return]

    monkeypatch.setattr(hugepages, "_MADVISE", tell)
    return ranges


def test_collapsing_leaves_data_alone() -> None:
    data = [[i] for i in range(100_000)]
    hugepages.collapse()
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


def test_memory_that_was_given_back_is_not_taken_again(advised: list[tuple[int, int]]) -> None:
    """Nor is it advised, or khugepaged would take it in time."""
    memory = small_pages(SIZE, of_16=7)
    start, before = address(memory), hugepages.rss_bytes()
    hugepages.collapse()
    assert not [1 for at, end in advised if at < start + SIZE and end > start]
    assert hugepages.rss_bytes() - before < SIZE // 4


def test_what_lies_together_is_collapsed_together(advised: list[tuple[int, int]]) -> None:
    memory = small_pages(SIZE, of_16=8)
    start = address(memory)
    hugepages.collapse()
    within = {(at, end) for at, end in advised if at >= start and end <= start + SIZE}
    assert len(within) <= 2
    assert sum(end - at for at, end in within) > 0.9 * SIZE


@needs_collapsing
def test_what_a_load_takes_is_told_as_it_is_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hugepages, "AT_ONCE_BYTES", SIZE // 2)
    held: list[mmap.mmap] = []
    load = LoadTask("load", lambda: held.append(small_pages(SIZE, of_16=12)), None)
    with Mcp(tmp_path, [load, file_task(tmp_path / "out", tell_huge_pages)]) as mcp:
        mcp.finish(1, loads=(0,))
        assert mcp.expect(Loaded).data_bytes > 0.9 * SIZE


@needs_collapsing
@pytest.mark.parametrize("above_bytes", [-SIZE // 2, SIZE // 2])
def test_whatever_a_process_holds_is_collapsed_when_it_has_forked_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, above_bytes: int
) -> None:
    """Also what it did not load: a slave's data process grows when it is fed; here an unload makes it grow."""
    monkeypatch.setattr(hugepages, "AT_ONCE_BYTES", hugepages.rss_bytes() + SIZE - above_bytes)
    held: list[mmap.mmap] = []
    paths = [tmp_path / f"out{number}" for number in range(hugepages.FORKS_UNTIL_WORTHWHILE)]
    tasks: list[Task] = [
        *(file_task(path, tell_huge_pages) for path in paths),
        LoadTask("load", lambda: None, lambda: held.append(small_pages(SIZE))),
    ]
    with Mcp(tmp_path, tasks) as mcp:
        mcp.finish(0, loads=(len(paths),))
        mcp.send(Unload(len(paths)))
        for job in range(1, len(paths)):
            mcp.run(job)
        mcp.until(lambda: sum(isinstance(message, Finished) for message in mcp.said) == len(paths))
    assert told(paths[-1]) - told(paths[-2]) > SIZE // 2


def test_memory_is_found_whether_it_has_a_name_or_not() -> None:
    """What interpreters and C libraries map may be named by prctl(PR_SET_VMA_ANON_NAME), see proc(5)."""
    maps = """\
55d0f4e00000-55d0f5600000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0001000000-7f0001400000 rw-p 00000000 00:00 0                          [anon:cpython:pymalloc]
7f00021ff000-7f0002601000 rw-p 00000000 00:00 0                          [anon: glibc: malloc]
7f0003000000-7f0003400000 rw-s 00000000 00:01 1027                       [anon_shmem:shared]
7f0004000000-7f0004400000 r--p 00000000 00:00 0                          [anon:read only]
7f0005000000-7f0005400000 rw-p 00000000 fe:00 4711                       /data/[anon:no].so
7f0006000000-7f0006001000 rw-p 00000000 00:00 0                          [anon:small]
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0                          [stack]
"""
    assert hugepages.anonymous_mappings(maps.splitlines(keepends=True)) == [
        (0x55D0F4E00000, 0x55D0F5600000),
        (0x7F0000000000, 0x7F0000400000),
        (0x7F0001000000, 0x7F0001400000),
        (0x7F0002200000, 0x7F0002600000),
    ]


# --------------------------------------------------------------------------- what is shared, with the script for one


def test_what_a_script_holds_is_not_copied_for_a_few_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hugepages, "AT_ONCE_BYTES", 1)
    with small_pages(SIZE), Mcp(tmp_path, [file_task(tmp_path / "out", tell_huge_pages)]) as mcp:
        mcp.finish(0)
        assert told(tmp_path / "out") - on_huge_pages() < SIZE // 2


@needs_collapsing
def test_a_load_collapses_its_data_and_nothing_that_the_script_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hugepages, "AT_ONCE_BYTES", SIZE // 2)
    assert SIZE // 2 < gained_by_a_load_of_a_script_that_holds_as_much(tmp_path) < 1.5 * SIZE


def test_a_small_load_collapses_nothing_however_much_the_script_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hugepages, "AT_ONCE_BYTES", 2 * SIZE)
    assert gained_by_a_load_of_a_script_that_holds_as_much(tmp_path) < SIZE // 2


def gained_by_a_load_of_a_script_that_holds_as_much(directory: Path) -> int:
    held: list[mmap.mmap] = []
    tasks: list[Task] = [
        LoadTask("load", lambda: held.append(small_pages(SIZE)), None),
        file_task(directory / "out", tell_huge_pages),
    ]
    with small_pages(SIZE), Mcp(directory, tasks) as mcp:
        mcp.finish(1, loads=(0,))
        return told(directory / "out") - on_huge_pages()


@needs_collapsing
@pytest.mark.parametrize(
    ("others", "available_bytes", "limit_bytes", "collapses"),
    [
        (shared, 100 << 40, 100 << 40, True),
        (shared, SIZE, 100 << 40, False),
        (shared, 100 << 40, SIZE, False),
        (nullcontext, SIZE, SIZE, True),
    ],
)
def test_nothing_is_copied_unless_there_is_plenty_of_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    others: Callable[[], AbstractContextManager[None]],
    available_bytes: int,
    limit_bytes: int,
    collapses: bool,
) -> None:
    """What no other process has is not copied: its old place is free again at once."""
    hugepages.collapse()
    with small_pages(SIZE), others():
        (tmp_path / "self").mkdir()
        (tmp_path / "self/cgroup").write_text("0::/\n")
        (tmp_path / "meminfo").write_text(f"MemFree: 1 kB\nMemAvailable: {available_bytes >> 10} kB\n")
        (tmp_path / "memory.max").write_text(f"{hugepages.rss_bytes() + limit_bytes}\n")
        monkeypatch.setattr(machine, "PROC", tmp_path)
        monkeypatch.setattr(machine, "CGROUPS", tmp_path)
        gained = gained_by_collapsing()
    assert collapses == (gained > SIZE // 2)
