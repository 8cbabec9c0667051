"""The status store alone, no jobs: store_rows.py ROWS BATCH

Rows come in random order of their ids, the hard case for the index, each with three inputs, one file and a row of
history: tombstones of a batch, commit, records of the batch, commit. Says the seconds of each step, fsyncs included,
and bytes per row.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import engines

from ppg_mcp.store import FILES_AT, Execution, Input, StatusStore, first_file, pack_files
from ppg_protocol.records import FileStat

INPUTS = 100_000
FILES = pack_files([FileStat(1, 2, 3, b"d" * 16)])
taken_s: dict[str, float] = {}


@contextmanager
def clocked(what: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    taken_s[f"{what}_s"] = time.perf_counter() - begin


def record(store: StatusStore, job: str, inputs: list[Input]) -> None:
    store.record(
        job,
        build_id=os.urandom(16),
        inputs=inputs,
        inputs_strict=b"s" * 16,
        inputs_content=b"c" * 16,
        files=FILES,
        runtime_s=1.5,
        peak_rss_bytes=10**8,
        cores=1,
        host="host",
        finished_at=1.8e9,
    )
    store.executed(job, Execution(1.8e9, 1.5, 10**8, 1, "host", "", "its inputs changed"))


def write(store: StatusStore, ids: list[str], batch: int) -> None:
    for start in range(0, len(ids), batch):
        for attempt, job in enumerate(ids[start : start + batch], start):
            store.tombstone(job, attempt)
        store.commit()
        for job in ids[start : start + batch]:
            record(store, job, [Input(kind + job, os.urandom(16), os.urandom(16)) for kind in ("FI", "PI", "in/")])
        store.commit()


def main() -> None:
    rows, batch = int(sys.argv[1]), int(sys.argv[2])
    path = Path("store")
    ids = [f"results/sample_{number:07}/aligned.bam" for number in range(rows)]
    random.Random(1).shuffle(ids)
    store = StatusStore.open(path)
    with clocked("write"):
        write(store, ids, batch)
    with clocked("close"):
        store.close()
    size_bytes = path.stat().st_size
    with clocked("open"):
        store = StatusStore.open(path)
    with clocked("load"):
        records = list(store.records())
    with clocked("first_file"):
        for _, record_bytes, _ in records:
            first_file(record_bytes, FILES_AT)
    inputs = [Input(f"chunk/{number}", b"s" * 16, b"c" * 16) for number in range(INPUTS)]
    with clocked("write_inputs"):
        record(store, "merged", inputs)
        store.commit()
    with clocked("read_inputs"):
        store.inputs_of("merged")
    store.close()
    engines.say(**taken_s, bytes_per_row=size_bytes / rows)


if __name__ == "__main__":
    main()
