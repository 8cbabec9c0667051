"""The small parts: packed files, holders, facts about the host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ppg_mcp.fingerprints import in_words
from ppg_mcp.store import FILE_BYTES, HostFacts, first_file, pack_files, unpack_files
from ppg_mcp.store.holder import Holder, holder_path, read_holder, remove_holder, write_holder
from ppg_mcp.store.host_facts import start_time_of
from ppg_mcp.store.record import unpack_inputs
from ppg_mcp.store.stored_text import from_sql, pack, to_sql, unpack
from ppg_protocol.records import FileStat

SIGNED = st.integers(-(2**63), 2**63 - 1)
FILES = st.builds(
    FileStat, SIGNED, SIGNED, st.integers(0, 2**64 - 1), st.just(b"") | st.binary(min_size=16, max_size=16)
)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(st.lists(FILES))
def test_packed_files_come_back(files: list[FileStat]) -> None:
    packed = pack_files(files)
    assert unpack_files(packed) == tuple(files)
    sizes = [first_file(packed, at * FILE_BYTES) for at in range(len(files))]
    assert sizes == [(file.size_bytes, file.mtime_ns) for file in files]
    if files:
        assert first_file(packed) == (files[0].size_bytes, files[0].mtime_ns)


def test_the_layout_of_packed_files_is_fixed() -> None:
    packed = pack_files([FileStat(1, 2, 3, bytes(range(16)))])
    assert packed.hex() == "010000000000000002000000000000000300000000000000" + bytes(range(16)).hex() + "10"


@given(ANY_TEXT)
def test_text_of_any_kind_comes_back(text: str) -> None:
    assert from_sql(to_sql(text)) == text
    assert unpack(pack([text])) == (text,)


@given(st.binary())
@example(b"\x81\x80\x00")  # a map with a map as its key
@example(b"\x91" * 5000)
def test_damaged_inputs_are_an_error_not_a_crash(packed: bytes) -> None:
    try:
        unpack_inputs(packed)
    except ValueError:
        pass


@given(st.binary())
@example(b".")
@example(b"c1;")
def test_a_damaged_description_is_an_error_not_a_crash(encoding: bytes) -> None:
    try:
        in_words({"closure": encoding})
    except ValueError:
        pass


def test_a_process_has_one_start_time_and_none_when_it_is_gone() -> None:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    started = start_time_of(child.pid)
    assert started is not None
    assert started == start_time_of(child.pid)
    assert started >= (start_time_of(os.getpid()) or 0)
    assert child.stdin
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_time_of(child.pid) is None, "a zombie holds nothing"
    child.wait()
    assert start_time_of(child.pid) is None


def test_who_lives() -> None:
    here = HostFacts("here", "boot", 100, 5, {100: 5, 200: 6}.get)
    assert Holder.of(here, "").lives(here)
    assert Holder.of(here, "/run").is_me(here)
    assert Holder("here", 200, "boot", 6, "").lives(here)
    assert not Holder("here", 200, "boot", 6, "").is_me(here)
    assert not Holder("here", 200, "boot", 7, "").lives(here), "the pid was used again"
    assert not Holder("here", 300, "boot", 6, "").lives(here)
    assert not Holder("here", 200, "earlier boot", 6, "").lives(here)
    assert not Holder("there", 200, "boot", 6, "").lives(here), "a container of the same machine, for what can be seen"


def test_a_holder_file_is_replaced_whole_and_removed_by_its_owner_only(path: Path) -> None:
    me = HostFacts.of_this_process()
    write_holder(path, Holder.of(me, os.fsdecode(b"/run/\xff")))
    assert read_holder(path) == Holder.of(me, "/run/\udcff")
    remove_holder(path, me._replace(pid=me.pid + 1))
    assert os.listdir(path.parent) == [holder_path(path).name]
    remove_holder(path, me)
    remove_holder(path, me)
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"host": 1, "pid": "x", "boot_id": "", "start_time": 0, "run_directory": ""}',
        "[" * 9999,
    ],
)
def test_what_is_no_holder_is_read_as_none(path: Path, text: str) -> None:
    holder_path(path).write_text(text)
    assert read_holder(path) is None
