"""Power cuts. The store is a committed state at every moment, and outputs that the disk lost are noticed and redone."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppg_mcp.store import HostFacts, StatusStore

from .disk import Disk, put
from .places import folder_in_memory
from .recording import Operation, Said, record

WRITER = """
import os, sys
from pathlib import Path
from ppg_mcp.store import StatusStore, status_store
status_store.LOG_LIMIT_BYTES = 60_000

def record(name):
    store.record(name, build_id=b"b" * 16, inputs=[], inputs_strict=b"s" * 16, inputs_content=b"c" * 16,
        files=b"f" * 3000, runtime_s=1, peak_rss_bytes=1, cores=1, host="h", finished_at=0)

number = 0
os.write(1, b"0\\n")
for run in range(2):
    store = StatusStore.open(Path(sys.argv[1]))
    os.write(1, f"open {number}\\n".encode())
    for _ in range(5):
        store.tombstone(f"{number}", 1)
        record(f"{number}")
        store.commit(durable=number % every == 0)
        number += 1
        if store.is_durable:
            os.write(1, f"open {number}\\n".encode())
    store.close()
    os.write(1, f"open {number}\\n".encode())
"""
LOSSES = ["nothing", "all that was not synced", "a part", "another part", "yet another part"]


@pytest.fixture(scope="module", params=[1, 3])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Two sessions that commit ten jobs, with a checkpoint in each and the creation of the store before them. Every
    commit is durable, or every third."""
    every: int = request.param
    directory = tmp_path_factory.mktemp("store")
    trace = tmp_path_factory.mktemp("trace") / "trace"
    writer = f"every = {every}\n{WRITER}"
    return every, directory, record([sys.executable, "-B", "-c", writer, str(directory / "store")], directory, trace)


Recording = tuple[int, Path, list[Operation]]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder that costs no waiting for a disk."""
    folder = folder_in_memory("ppg-power")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("loss", LOSSES)
def test_after_a_power_cut_at_any_moment_the_store_is_what_was_committed(
    recording: Recording, memory: Path, loss: str
) -> None:
    every, directory, operations = recording
    chance = random.Random(loss)
    disk, existed, promised = Disk(directory), False, 0
    assert sum(isinstance(operation, Said) for operation in operations) == {1: 15, 3: 9}[every]
    for number, operation in enumerate(operations):
        disk.feed(operation)
        if isinstance(operation, Said):
            existed, promised = "open" in operation.text, int(operation.text.split()[-1])
        files = {"nothing": disk.all_of_it, "all that was not synced": disk.only_what_was_synced}.get(
            loss, lambda: disk.some_of_it(chance)
        )()
        here = memory / str(number)
        here.mkdir()
        put(files, here)
        assert (here / "store").exists() or not existed, f"after {number} operations: {sorted(files)}"
        found = committed(here / "store")
        assert promised <= found <= promised + every, f"after {number} operations, the last being {operation!r:.200}"
        shutil.rmtree(here)


def committed(path: Path) -> int:
    """Number of jobs, all of them complete, that the next boot finds. It can go on from there."""
    facts = HostFacts.of_this_process()._replace(boot_id="the next boot")
    store = StatusStore.open(path, facts)
    try:
        jobs = store.load()
        assert sorted(map(int, jobs)) == list(range(len(jobs)))
        assert all(record.files == b"f" * 3000 and not record.tombstone for record in jobs.values())
        store.tombstone("more", 1)
        store.commit()
    finally:
        store.close()
    return len(jobs)
