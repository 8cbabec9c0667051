"""The small parts: board, reports, channels, captured streams, outputs, the machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppg_cs import capture, control, cores, failing, machine, marker, outputs, report
from ppg_cs.board import REACHED, RESULT, STRIPE_BYTES, Board
from ppg_cs.control import Channel
from ppg_cs.verdict import judge
from ppg_protocol.records import Failure, FileStat, Outcome

# ------------------------------------------------------------------------------------------------------ board, report


@pytest.mark.parametrize("size", [0, 1, 16_000, 50_000, 3_000_000])
def test_a_record_is_read_back_whatever_its_size(tmp_path: Path, size: int) -> None:
    board = Board(3, str(tmp_path))
    body = os.urandom(size)
    board.write(1, 5, RESULT, body)
    board.write(1, 5, REACHED, body[:100])
    assert board.read(1, 5, RESULT) == body
    assert board.read(1, 5, REACHED) == body[:100]
    assert board.read(0, 5, RESULT) is None
    assert not list(tmp_path.iterdir()), "spilled records are removed once read"


def test_a_record_of_another_attempt_is_none(tmp_path: Path) -> None:
    board = Board(1, str(tmp_path))
    board.write(0, 5, RESULT, b"five")
    assert board.read(0, 6, RESULT) is None
    board.write(0, -6, RESULT, b"six")
    assert board.read(0, 5, RESULT) is None
    assert board.read(0, -6, RESULT) == b"six"


@settings(max_examples=200)
@given(where=st.integers(0, 200), what=st.binary(min_size=1, max_size=40))
def test_a_damaged_record_is_none_or_what_was_written(where: int, what: bytes) -> None:
    board = Board(1, "/nonexistent")
    board.write(0, 5, REACHED, b"body of the record")
    board._memory[where : where + len(what)] = what
    assert board.read(0, 5, REACHED) in (None, b"body of the record")


def test_the_board_is_shared_with_forked_children(tmp_path: Path) -> None:
    board = Board(1, str(tmp_path))
    pid = os.fork()
    if pid == 0:
        os.closerange(0, 256)
        board.write(0, 1, RESULT, b"from the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.read(0, 1, RESULT) == b"from the child"
    assert STRIPE_BYTES == 64 << 10


def test_reports_survive_the_round_trip() -> None:
    failure = Failure("Odd", "text \ud800", "trace", b"\x80", -1, 3)
    stat = FileStat(1, 2, 2**64 - 1, b"digest")
    result = report.decode_result(report.encode_result(True, [(1, 2, 2**64 - 1, b"digest")], failure, b"change"))
    assert result == report.Result(True, (stat,), failure, b"change")
    odd_name = os.fsdecode(b"/tmp/\xff\xfe")
    assert report.decode_reached(report.encode_reached("id", (odd_name,), True)) == report.Reached(
        "id", (odd_name,), True
    )


@given(st.binary(max_size=60) | st.recursive(st.integers() | st.text(), st.lists).map(lambda x: repr(x).encode()))
def test_any_bytes_decode_to_a_record_or_none(body: bytes) -> None:
    report.decode_result(body)
    report.decode_reached(body)
    report.decode_result(msgpack.packb([True, [[body, 1, 2, 3]], None, b""]))


# ----------------------------------------------------------------------------------------------------------- channels


def test_a_channel_carries_small_and_large_messages_and_descriptors() -> None:
    ours, end = Channel.pair()
    theirs = Channel(end)
    read_end, write_end = os.pipe()
    ours.send((control.DEFINE, list(range(500_000))))
    ours.send((control.FORK_SUCCESSOR, -1), (write_end,))
    message, fds = theirs.receive() or ([], [])
    assert message[1][-1] == 499_999
    assert fds == []
    message, fds = theirs.receive() or ([], [])
    os.write(fds[0], b"x")
    assert os.read(read_end, 1) == b"x"
    os.close(fds[0])
    assert os.read(read_end, 1) == b"", "the sender's copy was closed"
    os.close(read_end)
    ours.close()
    assert theirs.receive() is None
    theirs.close()


def test_a_channel_never_blocks_the_supervisor() -> None:
    ours, end = Channel.pair()
    theirs = Channel(end)
    sent = 0
    while not ours.waiting:
        ours.send((control.UNLOAD, sent))
        sent += 1
        assert sent < 100_000
    received = []
    while len(received) < sent:
        packet = theirs.receive()
        assert packet is not None
        received.append(packet[0][1])
        ours.flush()
    assert received == list(range(sent))
    assert not ours.waiting
    ours.close()
    theirs.close()


def test_sending_to_a_dead_process_is_no_error() -> None:
    ours, end = Channel.pair()
    end.close()
    ours.send((control.RETIRE,))
    assert not ours.waiting
    ours.close()


# ------------------------------------------------------------------------------------------- streams, markers, outputs


def test_a_stream_is_limited_in_the_middle(tmp_path: Path) -> None:
    path = Path(capture.stream_path(str(tmp_path), 0, "out"))
    path.write_bytes(b"head" + bytes(range(256)) * 40_000 + b"tail")
    size = path.stat().st_size
    capture.limit_slot(str(tmp_path), 0, 1 << 20)
    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 <= (1 << 20) + 8192
    assert path.read_bytes().startswith(b"head")
    assert capture.tails(str(tmp_path), 0, 4) == (b"tail", b"")
    capture.keep(str(tmp_path), 0, 7, 1 << 20)
    kept, _ = capture.kept_paths(str(tmp_path), 7)
    assert os.stat(kept).st_size == size


def test_a_marker_is_held_by_whoever_inherits_it(tmp_path: Path) -> None:
    path = marker.marker_path(str(tmp_path), 0)
    assert not marker.is_held(path)
    mine, another = marker.hold(str(tmp_path), 0), marker.hold(str(tmp_path), 0)
    os.close(mine)
    assert marker.is_held(path)
    os.close(another)
    assert not marker.is_held(path)


def test_broken_names_fit_into_a_directory() -> None:
    assert outputs.broken_name("/a/b") == "/a/b.broken"
    name = os.path.basename(outputs.broken_name("/a/" + "ä" * 127))
    assert len(os.fsencode(name)) == 255
    assert name.endswith(".broken")


def test_above_the_cap_there_is_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    assert outputs.inspect("f", str(path), False, 2)[3] == b""
    assert len(outputs.inspect("f", str(path), False, 3)[3]) == 16


# ----------------------------------------------------------------------------------------------------------- verdicts


def test_a_complete_result_counts_whatever_came_after() -> None:
    done = report.Report(None, report.Result(True, (), None, b""), b"", b"")
    assert judge(1, 9, True, "", done) == (Outcome.OK, None)
    assert judge(1, None, False, "", done) == (Outcome.OK, None)


def test_signals_without_a_name_are_named_by_number() -> None:
    outcome, failure = judge(1, 40, False, "", report.NOTHING)
    assert outcome == Outcome.SIGNAL
    assert failure is not None
    assert "signal 40" in failure.text


def test_a_long_traceback_is_cut_in_the_middle() -> None:
    def deep(n: int) -> None:
        if n == 0:
            raise ValueError("at the bottom")
        globals_of = {"deep": deep, "n": n}
        exec(f"def f{n}():\n deep(n - 1)\nf{n}()", globals_of)

    with pytest.raises(ValueError, match="bottom") as caught:
        deep(200)
    failure = failing.describe(caught.value, 0)
    assert len(failure.traceback) <= failing.TEXT_BYTES_MAX + 20
    assert failure.traceback.endswith("at the bottom\n")


# ------------------------------------------------------------------------------------------------------------ machine


def test_the_machine_is_what_affinity_and_slurm_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= machine.cores() <= len(os.sched_getaffinity(0))
    assert cores.current() == machine.cores()
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "100")
    assert machine.cores() == 1
    assert machine.memory_bytes() == 100 << 20


def test_available_memory_is_what_the_kernel_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < machine.available_bytes() < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(machine, "PROC", tmp_path)
    assert machine.available_bytes() == 0
    (tmp_path / "meminfo").write_text("MemFree: 1 kB\n")
    assert machine.available_bytes() == 0
    (tmp_path / "meminfo").write_text("MemFree: 1 kB\nMemAvailable:     3 kB\n")
    assert machine.available_bytes() == 3 << 10


def test_cgroup_limits_count_up_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/job\n0::/slice/inner\n")
    inner, old = tmp_path / "cg/slice/inner", tmp_path / "cg/memory/job"
    inner.mkdir(parents=True)
    old.mkdir(parents=True)
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("150000 100000\n")
    (inner.parent / "memory.max").write_text("5000000\n")
    (old / "memory.limit_in_bytes").write_text("4000000\n")
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cg")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)
    assert machine.cores() == 2
    assert machine.memory_bytes() == 4_000_000


def test_a_process_is_named_by_pid_and_start_time() -> None:
    assert machine.start_time(os.getpid()) > 0
    assert machine.start_time(2**22 + 1) == 0
    assert machine.boot_id() in machine.machine_id()


def test_a_process_that_was_not_reaped_is_dead() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert machine.start_time(child) == 0
    os.waitpid(child, 0)


def test_socketpairs_keep_message_borders() -> None:
    channel, end = Channel.pair()
    assert end.type == socket.SOCK_SEQPACKET
    channel.close()
    end.close()
