"""Memory of data processes: what a load makes lies side by side, and what an unload frees is given back.

In interpreters of their own, since what an allocator does depends on all that was done before.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ppg_cs import allocator

GROWING = """
def mappings():
    with open("/proc/self/maps") as maps:
        return sum(len(line.split()) == 5 for line in maps)

before = mappings()
data = [[number] for number in range(1_000_000)]
print(mappings() - before)
"""

FREED_INSIDE = """
import os

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

tables = [bytearray(b"x" * 1_000_000) for _ in range(100)]
last = bytearray(b"x" * 1_000_000)
del tables
before = resident()
allocator.give_back()
print(before - resident())
"""


FREED_AT_THE_END = """
import os

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

tables = [bytearray(b"x" * 1_000_000) for _ in range(40)]
before = resident()
del tables
print(before - resident())
"""


def said(program: str, **variables: str) -> int:
    """What an interpreter prints that has gathered its memory and runs this program."""
    program = f"from ppg_cs import allocator\nallocator.gather()\n{program}"
    output = subprocess.check_output([sys.executable, "-c", program], env={**os.environ, **variables})
    return int(output)


def test_a_growing_list_leaves_few_gaps() -> None:
    assert said(GROWING) < 10


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072")],
)
def test_who_has_set_the_threshold_keeps_it(variable: str, value: str) -> None:
    """And so we see that gaps are what there would be otherwise."""
    assert said(GROWING, **{variable: value}) > 10


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MALLOC_TRIM_THRESHOLD_", "131072"), ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=131072")],
)
def test_who_has_set_when_memory_is_given_back_keeps_that_alone(variable: str, value: str) -> None:
    assert said(FREED_AT_THE_END) < 10_000_000
    assert said(FREED_AT_THE_END, **{variable: value}) > 30_000_000
    assert said(GROWING, **{variable: value}) < 10


def test_what_was_freed_in_the_middle_is_given_back() -> None:
    assert said(FREED_INSIDE) > 90_000_000


def test_a_c_library_without_these_calls_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_LIBC", object())
    allocator.gather()
    allocator.give_back()
