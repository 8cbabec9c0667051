"""What the status store costs: `python tests/store/bench_store.py [jobs [batch]]`; prints, asserts nothing.

Jobs come in random order of their ids, the hard case for the index, each with three inputs and one file: tombstones
of a batch, commit, records and histories of the batch, commit. CPU time contains the write-ahead log, wall time the
fsyncs as well.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppg_mcp.store import Execution, Input, StatusStore, first_file, pack_files
from ppg_protocol.messages import FileStat


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:28} {wall:8.3f} s  {wall / count * 1e6:8.2f} us each ({cpu / count * 1e6:.2f} us CPU)")


def run(path: Path, jobs: int, batch: int) -> None:
    ids = [f"results/sample_{number:07}/aligned.bam" for number in range(jobs)]
    random.Random(1).shuffle(ids)
    files = pack_files([FileStat(1, 2, 3, b"d" * 16)])
    store = StatusStore.open(path)
    with timed("tombstone and record", jobs):
        for start in range(0, jobs, batch):
            for attempt, job in enumerate(ids[start : start + batch], start):
                store.tombstone(job, attempt)
            store.commit()
            for job in ids[start : start + batch]:
                inputs = [Input(kind + job, os.urandom(16), os.urandom(16)) for kind in ("FI", "PI", "in/")]
                record(store, job, inputs, files)
            store.commit()
    with timed("close", 1):
        store.close()
    with timed("open", 1):
        store = StatusStore.open(path)
    with timed("load", jobs):
        records = store.load()
    with timed("first_file", jobs):
        for loaded in records.values():
            first_file(loaded.files)
    inputs = [Input(f"chunk/{number}", b"s" * 16, b"c" * 16) for number in range(100_000)]
    with timed("write 100,000 inputs", len(inputs)):
        record(store, "merged", inputs, files)
        store.commit()
    with timed("read 100,000 inputs", len(inputs)):
        store.inputs_of("merged")
    store.close()
    print(f"{path.stat().st_size / jobs:.0f} bytes a job")


def record(store: StatusStore, job: str, inputs: list[Input], files: bytes) -> None:
    store.record(
        job,
        build_id=os.urandom(16),
        inputs=inputs,
        inputs_strict=b"s" * 16,
        inputs_content=b"c" * 16,
        files=files,
        runtime_s=1.5,
        peak_rss_bytes=10**8,
        cores=1,
        host="host",
        finished_at=1.8e9,
    )
    store.executed(job, Execution(1.8e9, 1.5, 10**8, 1, "host", "", "it has never been done"))


if __name__ == "__main__":
    jobs, batch = [int(argument) for argument in sys.argv[1:]] + [100_000, 64][len(sys.argv) - 1 :]
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory) / "store", jobs, batch)
