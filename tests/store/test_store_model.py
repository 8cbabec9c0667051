"""Any sequence of writes, commits, clean and unclean ends leaves what a dictionary would hold."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ppg_mcp.store import HostFacts, Input, Record, StatusStore

IDS = st.sampled_from(["a", "b", "ü", "\udcff", "\udcff\udcfe"]) | st.text(
    st.characters(codec=None, exclude_categories=()), max_size=4
)
BYTES = st.binary(max_size=20)


@dataclass(frozen=True)
class Row:
    """The naive store's idea of a job."""

    facts: tuple[bytes, bytes, bytes, bytes, float, int] = (b"", b"", b"", b"", 0.0, 0)
    inputs: tuple[Input, ...] = ()
    recorded: bool = False
    tombstones: tuple[str, ...] = ()
    order: int = 0


class Naive:
    """What StatusStore must be equal to: a dictionary, and a synced mark."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.order = 0

    def tombstone(self, job_id: str, text: str) -> None:
        row = self.rows.get(job_id, Row())
        self.rows[job_id] = replace(row, tombstones=(*row.tombstones[-1:], text))

    def restore(self, job_id: str) -> None:
        row = self.rows.get(job_id, Row())
        if len(row.tombstones) == 2:
            self.rows[job_id] = replace(row, tombstones=(row.tombstones[0], row.tombstones[0]))
        elif row.tombstones and not row.recorded:
            del self.rows[job_id]
        elif row.tombstones:
            self.rows[job_id] = replace(row, tombstones=())

    def record(self, job_id: str, row: Row) -> None:
        self.order += 1
        self.rows[job_id] = replace(row, recorded=True, order=self.order)

    def update_files(self, job_id: str, files: bytes) -> None:
        self.order += 1
        row = self.rows.get(job_id, Row())
        if row.recorded:
            self.rows[job_id] = replace(row, facts=(*row.facts[:3], files, *row.facts[4:]), order=self.order)

    def load(self) -> dict[str, Record]:
        return {
            job_id: Record(b"".join(row.facts[:4]), row.facts[4], row.tombstones[-1] if row.tombstones else "")
            for job_id, row in self.rows.items()
        }


class StoreStory(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "store"
        self.facts = HostFacts.of_this_process()
        self.committed, self.future = Naive(), Naive()
        self.synced = self.suspect = self.epoch = self.attempt = 0
        self.boots = 0
        self.open(reboot=False, clean=True)

    def open(self, reboot: bool, clean: bool) -> None:
        self.boots += reboot
        self.store = StatusStore.open(self.path, self.facts._replace(boot_id=f"boot {self.boots}"))
        self.epoch += 1
        self.suspect = self.committed.order if reboot and not clean else self.suspect
        assert self.store.epoch == self.epoch
        assert self.store.unsynced == {
            job_id for job_id, row in self.committed.rows.items() if self.synced < row.order <= self.suspect
        }

    def sync_future(self) -> None:
        self.committed.rows, self.committed.order = dict(self.future.rows), self.future.order

    @rule(job_id=IDS)
    def tombstone(self, job_id: str) -> None:
        self.attempt += 1
        self.store.tombstone(job_id, self.attempt)
        self.future.tombstone(job_id, f"{self.attempt}@{self.store.session}")

    @rule(job_id=IDS)
    def restore(self, job_id: str) -> None:
        self.store.restore(job_id)
        self.future.restore(job_id)

    @rule(job_id=IDS, build_id=BYTES, files=BYTES, runtime_s=st.floats(0, 1e9), inputs=st.lists(st.tuples(IDS, BYTES)))
    def record(
        self, job_id: str, build_id: bytes, files: bytes, runtime_s: float, inputs: list[tuple[str, bytes]]
    ) -> None:
        named = tuple(Input(name, value, value[:1]) for name, value in inputs)
        self.store.record(
            job_id,
            build_id=build_id,
            inputs=named,
            inputs_strict=b"s",
            inputs_content=b"c",
            files=files,
            runtime_s=runtime_s,
            peak_rss_bytes=2**40,
            cores=1,
            host="h",
            finished_at=0.0,
        )
        self.future.record(job_id, Row((build_id, b"s", b"c", files, runtime_s, 2**40), named))

    @rule(job_id=IDS, files=BYTES)
    def update_files(self, job_id: str, files: bytes) -> None:
        self.store.update_files(job_id, files)
        self.future.update_files(job_id, files)

    @rule(job_id=IDS)
    def forget(self, job_id: str) -> None:
        self.store.forget(job_id)
        self.future.rows.pop(job_id, None)

    @rule()
    def commit(self) -> None:
        self.store.commit()
        self.sync_future()
        assert not self.store.pending

    @rule()
    def mark_synced(self) -> None:
        self.store.mark_synced()
        self.store.commit()
        self.synced = max(self.synced, self.committed.order)
        self.sync_future()

    @rule(clean=st.booleans(), reboot=st.booleans())
    def close_and_open(self, clean: bool, reboot: bool) -> None:
        self.store.close(clean)
        self.sync_future()
        if clean:
            self.synced = self.committed.order
        self.open(reboot, clean)

    @invariant()
    def the_store_holds_what_was_committed(self) -> None:
        loaded = self.store.load()
        assert loaded == self.committed.load()
        held = {job_id: (what, runtime_s) for job_id, what, runtime_s in self.store.records()}
        assert held == {job_id: (r.tombstone or r.packed, r.runtime_s) for job_id, r in loaded.items()}
        for job_id, row in self.committed.rows.items():
            assert self.store.inputs_of(job_id) == row.inputs

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.directory.cleanup()


StoreStory.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestStoreStory = StoreStory.TestCase
