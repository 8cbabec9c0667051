"""What is not a healthy store of ours is refused, with the reason and a way out, and never changed."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ppg_mcp.store import StatusStore, StatusStoreError
from ppg_mcp.store.schema import APPLICATION_ID

CRASH = """
import os, sys
from pathlib import Path
from ppg_mcp.store import Input, StatusStore
store = StatusStore.open(Path(sys.argv[1]))
start, end, per_commit = map(int, sys.argv[2:5])
for number in range(start, end):
    store.record(f"job {number:04}", build_id=b"b" * 16, inputs=[Input("x" * 500, b"s", b"c")], inputs_strict=b"s" * 16,
        inputs_content=b"c" * 16, files=b"f" * 410, runtime_s=1, peak_rss_bytes=1, cores=1, host="h", finished_at=0)
    if number % per_commit == per_commit - 1:
        store.commit()
if sys.argv[5] == "close":
    store.close()
os.kill(os.getpid(), 9)
"""


LOG_FRAME_BYTES = 24 + 4096
"""https://www.sqlite.org/fileformat.html#the_write_ahead_log: a header, and a page."""


@contextlib.contextmanager
def refused(path: Path, *facts: str) -> Iterator[None]:
    """Opening is refused, stating the facts, and leaves no trace."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    yield
    with pytest.raises(StatusStoreError) as caught:
        StatusStore.open(path)
    message = str(caught.value)
    for fact in (str(path), *facts):
        assert fact in message
    assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()} == before


def test_the_pickle_of_the_original_is_recognised(path: Path) -> None:
    path.write_bytes(pickle.dumps({"job": [0, "hash"]}, protocol=2))
    with refused(path, "not an SQLite file", "pypipegraph 0.x", "away", "new_pipegraph(adopt=True)"):
        pass


@pytest.mark.parametrize("content", [b"text\n", b"\0" * 5000, b"SQLite format 2\0" + b"x" * 200])
def test_any_other_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with refused(path, "not an SQLite file", "adopt=True"):
        pass


def test_an_empty_file_is_no_new_store(path: Path) -> None:
    path.touch()
    with refused(path, "is empty", "adopt=True"):
        pass


def test_a_directory_or_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("directory", "pipe"):
        with pytest.raises(StatusStoreError, match="not a file"):
            StatusStore.open(tmp_path / name)


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("application_id", [0, 0x0F055112])
def test_another_application_s_database_is_refused(path: Path, mode: str, application_id: int) -> None:
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.execute(f"PRAGMA application_id = {application_id}")
    theirs.execute(f"PRAGMA journal_mode = {mode}")
    theirs.execute("CREATE TABLE jobs (x)")
    copy = path.parent / "crashed"
    copy.mkdir()
    for file in list(path.parent.glob(path.name + "*")):
        shutil.copy(file, copy)
    with refused(copy / path.name, "another application", f"0x{application_id:08x}", "adopt=True"):
        theirs.close()


@pytest.mark.parametrize("version", [0, 2, 77])
def test_another_format_is_refused_naming_both(path: Path, version: int) -> None:
    StatusStore.open(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with refused(path, f"format {version} ", "reads and writes format 1", "adopt=True"):
        pass


def test_an_imitation_without_our_tables_is_refused(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE other (x)")
    with refused(path, "no such table", "backup"):
        pass


def test_a_store_without_its_state_is_refused(path: Path) -> None:
    StatusStore.open(path).close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM state")
    with refused(path, "damaged", "backup"):
        pass


def test_a_log_without_its_store_is_not_overwritten(path: Path, start: Callable[..., Any]) -> None:
    start(CRASH, path, 0, 10, 1, "kill").process.wait()
    path.unlink()
    Path(f"{path}.holder").unlink()
    with refused(path, "write-ahead log", "missing", "adopt=True"):
        pass
    Path(f"{path}-wal").unlink()
    store = StatusStore.open(path)
    assert store.load() == {}
    store.close()


def cuts(size: int) -> list[int]:
    """Lengths to cut a file to: on and around page boundaries, and odd ones."""
    pages = [page * 4096 + offset for page in range(size // 4096 + 1) for offset in (-1, 0, 1, 1000, 4000)]
    return sorted({cut for cut in [0, 1, 15, 16, 60, 99, 100, 101, *pages] if 0 <= cut < size})


def committed_after(path: Path) -> int | None:
    """How many of the jobs the store still has, in order and without a hole; None if it was refused or won't load."""
    try:
        store = StatusStore.open(path)
    except StatusStoreError:
        return None
    try:
        jobs = store.load()
        assert list(jobs) == [f"job {number:04}" for number in range(len(jobs))]
        assert all(len(record.files) == 410 and record.tombstone == "" for record in jobs.values())
        assert all(store.inputs_of(job)[0].job_id == "x" * 500 for job in jobs)
        return len(jobs)
    except StatusStoreError:
        return None
    finally:
        store.close()


def test_a_store_that_was_cut_is_refused(path: Path, start: Callable[..., Any], tmp_path: Path) -> None:
    start(CRASH, path, 0, 100, 10, "close").process.wait()
    whole = path.read_bytes()
    for cut in cuts(len(whole)):
        path.write_bytes(whole[:cut])
        with refused(path):
            pass
    path.write_bytes(whole)
    assert committed_after(path) == 100


def test_a_store_that_lost_any_number_of_bytes_of_its_last_page_is_refused(
    path: Path, start: Callable[..., Any]
) -> None:
    start(CRASH, path, 0, 100, 10, "close").process.wait()
    whole = path.stat().st_size
    for cut in range(1, 4097):
        os.truncate(path, whole - cut)
        with pytest.raises(StatusStoreError, match=r"damaged|malformed"):
            StatusStore.open(path)
    assert path.stat().st_size == whole - 4096


def test_a_log_that_lost_any_number_of_bytes_of_its_last_page_gives_what_was_committed_before(
    path_in_memory: Path, start: Callable[..., Any]
) -> None:
    """The last page and the header of its frame, which says that the transaction is committed."""
    path = path_in_memory
    start(CRASH, path, 0, 10, 10, "close").process.wait()
    start(CRASH, path, 10, 12, 1, "kill").process.wait()
    log = Path(f"{path}-wal")
    store_bytes, log_bytes = path.read_bytes(), log.read_bytes()
    _, pages_after_commit = struct.unpack_from(">II", log_bytes, len(log_bytes) - LOG_FRAME_BYTES)
    assert pages_after_commit > 0
    for cut in range(LOG_FRAME_BYTES + 1):
        path.write_bytes(store_bytes)
        log.write_bytes(log_bytes[: len(log_bytes) - cut])
        assert committed_after(path) == (11 if cut else 12), f"without the last {cut} bytes"


def test_a_log_that_was_cut_gives_what_was_committed_before(path: Path, start: Callable[..., Any]) -> None:
    start(CRASH, path, 0, 60, 60, "close").process.wait()
    start(CRASH, path, 60, 100, 10, "kill").process.wait()
    log, holder = Path(f"{path}-wal"), Path(f"{path}.holder")
    store_bytes, log_bytes = path.read_bytes(), log.read_bytes()
    counts = []
    for cut in [*cuts(len(log_bytes))[:: max(1, len(log_bytes) // 4096 // 20)], len(log_bytes)]:
        path.write_bytes(store_bytes)
        log.write_bytes(log_bytes[:cut])
        counts.append(committed_after(path))
        assert not holder.exists()
    assert counts == sorted(counts, key=lambda count: count or 0)
    assert set(counts) == {60, 70, 80, 90, 100}


def test_store_and_log_after_a_crash_with_the_store_cut(path: Path, start: Callable[..., Any]) -> None:
    start(CRASH, path, 0, 60, 60, "close").process.wait()
    start(CRASH, path, 60, 100, 10, "kill").process.wait()
    whole = path.read_bytes()
    refusals = 0
    for number, cut in enumerate(cuts(len(whole))):
        # Each is a file of its own: a refused store with a log may stay locked until this process ends (Python 3.11).
        copy = path.parent / str(number) / path.name
        copy.parent.mkdir()
        shutil.copy(f"{path}-wal", f"{copy}-wal")
        copy.write_bytes(whole[:cut])
        before = (copy.read_bytes(), Path(f"{copy}-wal").read_bytes())
        count = committed_after(copy)
        refusals += count is None
        assert count in (None, 100), "the log may hold all that was cut off"
        if count is None:
            assert (copy.read_bytes(), Path(f"{copy}-wal").read_bytes()) == before
    assert refusals > 10


def test_pages_that_were_freed_before_they_were_ever_written_are_no_damage(
    path: Path, start: Callable[..., Any]
) -> None:
    other = start(
        CRASH.replace(
            "for number in",
            """
many = [Input(f"{number:0900}", b"s", b"c") for number in range(5000)]
for inputs in (many, many[:1]):
    store.record("shrinks", build_id=b"b", inputs=inputs, inputs_strict=b"", inputs_content=b"", files=b"f" * 410,
        runtime_s=1, peak_rss_bytes=1, cores=1, host="h", finished_at=0)
for number in""",
            1,
        ),
        *(path, 0, 10, 10, "kill"),
    )
    other.process.wait()
    store = StatusStore.open(path)
    assert len(store.load()) == 11
    assert len(store.inputs_of("shrinks")) == 1
    store.close()


def test_a_damaged_page_is_named_when_it_is_read(path: Path, start: Callable[..., Any]) -> None:
    start(CRASH, path, 0, 100, 10, "close").process.wait()
    damaged = bytearray(path.read_bytes())
    at = damaged.index(b"f" * 410, len(damaged) // 2) // 4096 * 4096
    damaged[at : at + 64] = b"\xff" * 64
    path.write_bytes(damaged)
    store = StatusStore.open(path)
    with pytest.raises(StatusStoreError, match=r"malformed(.|\n)*backup"):
        store.load()
    store.close(clean=False)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StatusStoreError, match="no directory"):
        StatusStore.open(tmp_path / "missing" / "store")


@pytest.fixture
def nobody() -> Callable[[Callable[[], str]], str]:
    """Do something in a forked child as a user without privileges, and return what it says."""

    def run(story: Callable[[], str]) -> str:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                if os.getuid() == 0:
                    os.setgid(65534)
                    os.setuid(65534)
                os.write(writer, story().encode())
            except BaseException as error:
                os.write(writer, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said:
            answer = said.read()
        os.waitpid(child, 0)
        return answer

    return run


@pytest.mark.parametrize("what", ["no store in a read-only directory", "a read-only directory", "a read-only store"])
def test_a_store_that_may_not_be_written_is_refused(nobody: Callable[[Callable[[], str]], str], what: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name) / "store"
        os.chmod(name, 0o777)
        if what != "no store in a read-only directory":
            StatusStore.open(path).close()
            os.chmod(path, 0o444 if what == "a read-only store" else 0o666)
        if "directory" in what:
            os.chmod(name, 0o555)

        def story() -> str:
            try:
                StatusStore.open(path).close()
            except StatusStoreError as error:
                return f"refused: {error}"
            return "opened"

        answer = nobody(story)
        os.chmod(name, 0o777)
        assert answer.startswith("refused: "), answer
        assert str(path) in answer
        assert "writ" in answer
        assert os.listdir(name) == ([] if "no store" in what else ["store"])
