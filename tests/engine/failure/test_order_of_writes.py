"""What is on disk when a message leaves: "status writes come before the sends they justify", and sync before its mark.

A copy of the status store, taken at that moment, is what a master that dies right then would leave. What a power cut
would leave is less, unless the store says that it is durable (see tests/crash/test_power_loss.py).
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.run import performing, sync
from ppg_mcp.run.machine import EmbeddedMachine
from ppg_mcp.run.sync import OutputSync
from ppg_mcp.store import Record, StatusStore
from ppg_protocol.messages import Ack, Run

from ..project import Project, copy, write
from ..scripts import until

STORE = ".pypipegraph_status_robust"


class Witness:
    """Sees every batch that is sent, and what the store on disk says at that moment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.batches: list[tuple[Sequence[Any], dict[str, Record]]] = []

    def saw(self, messages: Sequence[Any]) -> None:
        self.batches.append((tuple(messages), self.on_disk()))

    def on_disk(self) -> dict[str, Record]:
        self.directory.mkdir(exist_ok=True)
        for path in Path(".").glob(f"{STORE}*"):
            if not path.name.endswith(".holder"):
                shutil.copy(path, self.directory)
        store = StatusStore.open(self.directory / STORE)
        records = store.load()
        store.close()
        shutil.rmtree(self.directory)
        return records


@pytest.fixture
def witness(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Witness:
    witness = Witness(tmp_path_factory.mktemp("witness") / "copy")
    send = EmbeddedMachine.send

    def sent(machines: EmbeddedMachine, machine: str, messages: Sequence[Any]) -> None:
        witness.saw(messages)
        send(machines, machine, messages)

    monkeypatch.setattr(EmbeddedMachine, "send", sent)
    return witness


def build(text: str) -> None:
    first = ppg.FileGeneratingJob("first", write(text))
    second = ppg.TempFileGeneratingJob("second", copy("first")).depends_on(first)
    ppg.FileGeneratingJob("third", copy("second")).depends_on(second)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_tombstone_is_on_disk_before_its_run_leaves_and_a_record_before_its_ack(
    project: Project, witness: Witness, runs: int
) -> None:
    outcomes = [project.run(lambda number=number: build(f"text {number}")) for number in range(runs)]
    order = outcomes[-1].graph.order
    job_of: dict[int, str] = {}
    sent = [(message, disk) for messages, disk in witness.batches for message in messages]
    assert sum(isinstance(message, Run) for message, _ in sent) == 3 * runs
    for message, disk in sent:
        if isinstance(message, Run):
            job = order[message.job]
            job_of[message.attempt] = job.job_id
            assert disk[job.job_id].tombstone, f"{job!r} was sent without a tombstone"
            for p in job.prerequisites:
                assert not p.paths or not disk[p.job_id].tombstone, f"{job!r} was sent before {p!r} was recorded"
        elif isinstance(message, Ack):
            for attempt in message.attempts:
                assert not disk[job_of[attempt]].tombstone, f"{job_of[attempt]} was acknowledged before its record"
    assert any(isinstance(message, Ack) for message, _ in sent)


def test_a_record_is_on_disk_before_the_temporary_that_it_needed_is_removed(
    project: Project, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[tuple[str, dict[str, Record]]] = []
    remove_files = performing.remove_files

    def removing(graph: Any, job: Any, *more: Any) -> None:
        removed.append((job.job_id, witness.on_disk()))
        remove_files(graph, job, *more)

    monkeypatch.setattr(performing, "remove_files", removing)
    project.run(lambda: build("text"))
    ((job_id, disk),) = removed
    assert job_id == "second"
    assert not disk["third"].tombstone, "third was not recorded yet"


def test_all_that_was_written_is_durable_when_something_is_sent_or_removed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[StatusStore] = []
    seen: list[tuple[str, bool]] = []
    open_store, send, remove_files = StatusStore.open, EmbeddedMachine.send, performing.remove_files

    def opening(path: Path) -> StatusStore:
        opened.append(open_store(path))
        return opened[-1]

    def sending(machines: EmbeddedMachine, machine: str, messages: Sequence[Any]) -> None:
        seen.extend((type(message).__name__, opened[-1].is_durable) for message in messages)
        send(machines, machine, messages)

    def removing(*arguments: Any) -> None:
        seen.append(("a temporary", opened[-1].is_durable))
        remove_files(*arguments)

    monkeypatch.setattr(StatusStore, "open", opening)
    monkeypatch.setattr(EmbeddedMachine, "send", sending)
    monkeypatch.setattr(performing, "remove_files", removing)

    def many() -> None:
        build("text")
        for number in range(200):
            ppg.FileGeneratingJob(f"many {number}", write("text"))

    project.run(many)
    assert {what for what, _ in seen} == {"Run", "Ack", "Shutdown", "a temporary"}
    assert all(is_durable for _, is_durable in seen)


def test_of_many_short_jobs_few_take_an_fsync_and_each_is_written_soon(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[bool] = []
    commit = StatusStore.commit

    def committing(store: StatusStore, durable: bool = True) -> None:
        commits.append(durable)
        commit(store, durable)

    monkeypatch.setattr(StatusStore, "commit", committing)

    def many() -> None:
        for number in range(300):
            ppg.FileGeneratingJob(f"many {number}", write("text"))

    project.run(many)
    assert 3 < sum(commits) < 100, "a tombstone takes one, but most are shared by dozens"
    assert False in commits, "and records are not left until then"


def test_outputs_are_synced_before_the_store_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    sync_folders, mark_synced = sync.sync_folders, StatusStore.mark_synced

    def synced(folders: set[str]) -> None:
        sync_folders(folders)
        told.append(f"synced {sorted(folders)}")

    def marked(store: StatusStore, sequence: int | None = None) -> None:
        told.append("marked")
        mark_synced(store, sequence)

    monkeypatch.setattr(sync, "sync_folders", synced)
    monkeypatch.setattr(StatusStore, "mark_synced", marked)
    project.ran(lambda: build("text"))
    assert told == [f"synced {[str(project.path)]}", "marked"]


def test_a_sync_beside_the_run_counts_when_it_is_through(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()
    monkeypatch.setattr(sync, "sync_folders", lambda folders: may_end.wait(60.0))
    outputs = OutputSync()
    outputs.wrote("/there/file")
    outputs.start(7, now=0.0)
    assert outputs.finished() == 0
    may_end.set()
    assert until(outputs.finished) == 7
    assert outputs.finished() == 0
