"""What is on disk when a message leaves: "status writes come before the sends they justify", and sync before its mark.

A copy of the status store, taken at that moment, is what a master that dies right then would leave. A power cut may
leave no more than the copy that was taken at the last durable commit (see tests/crash/test_power_loss.py).
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import pypipegraph as ppg
from ppg_mcp.run import performing, sync
from ppg_mcp.run.machine import EmbeddedMachine
from ppg_mcp.run.sync import OutputSync
from ppg_mcp.store import Record, StatusStore
from ppg_mcp.store.host_facts import HostFacts
from ppg_protocol.messages import Ack, Run

from ..project import Outcome, Project, copy, write
from ..scripts import until

STORE = ".pypipegraph_status_robust"


Records = dict[str, Record]


class Witness:
    """Sees every message that is sent, what the store says at that moment, and what it says after a power cut."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.durable: Records = {}
        self.sent: list[tuple[Any, Records, Records]] = []
        self.acknowledged = 0
        self.on_ack: Callable[[int], None] = lambda attempts: None

    def sees(self, messages: Sequence[Any]) -> None:
        written = self.on_disk()
        self.sent += [(message, written, self.durable) for message in messages]
        self.acknowledged += sum(len(message.attempts) for message in messages if isinstance(message, Ack))
        self.on_ack(self.acknowledged)

    def sees_commit(self, store: StatusStore, durable: bool) -> None:
        if durable and store.path.name == STORE and store.path.parent != self.directory:
            self.durable = self.on_disk()

    def on_disk(self) -> Records:
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
    send, commit = EmbeddedMachine.send, StatusStore.commit

    def sending(machines: EmbeddedMachine, machine: str, messages: Sequence[Any]) -> None:
        witness.sees(messages)
        send(machines, machine, messages)

    def committing(store: StatusStore, durable: bool = True) -> None:
        commit(store, durable)
        witness.sees_commit(store, durable)

    monkeypatch.setattr(EmbeddedMachine, "send", sending)
    monkeypatch.setattr(StatusStore, "commit", committing)
    return witness


def build(text: str) -> Any:
    """Returns the last job."""
    first = ppg.FileGeneratingJob("first", write(text))
    second = ppg.TempFileGeneratingJob("second", copy("first")).depends_on(first)
    return ppg.FileGeneratingJob("third", copy("second")).depends_on(second)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_tombstone_is_written_before_its_run_leaves_and_a_record_is_durable_before_its_ack(
    project: Project, witness: Witness, runs: int
) -> None:
    outcomes = [project.run(lambda number=number: build(f"text {number}")) for number in range(runs)]
    order = outcomes[-1].graph.order
    job_of: dict[int, str] = {}
    assert sum(isinstance(message, Run) for message, *_ in witness.sent) == 3 * runs
    for message, written, durable in witness.sent:
        if isinstance(message, Run):
            job = order[message.job]
            job_of[message.attempt] = job.job_id
            assert written[job.job_id].tombstone, f"{job!r} was sent without a tombstone"
            for p in job.prerequisites:
                assert not p.paths or not written[p.job_id].tombstone, f"{job!r} was sent before {p!r} was recorded"
        elif isinstance(message, Ack):
            for attempt in message.attempts:
                assert not durable[job_of[attempt]].tombstone, f"{job_of[attempt]} was acknowledged before its record"
    assert any(isinstance(message, Ack) for message, *_ in witness.sent)


def left_durably(witness: Witness, outcome: Outcome) -> dict[str, bool]:
    """Of each job that was sent: was its tombstone durable then?"""
    order = outcome.graph.order
    jobs = {order[message.job].job_id: durable for message, _, durable in witness.sent if isinstance(message, Run)}
    return {job_id: job_id in durable and bool(durable[job_id].tombstone) for job_id, durable in jobs.items()}


def test_a_tombstone_over_a_record_is_durable_before_its_run_leaves(project: Project, witness: Witness) -> None:
    """Else a power cut would bring the record back, over files that are half done."""
    assert left_durably(witness, project.run(lambda: build("text"))) == {"first": False, "second": True, "third": False}
    witness.sent.clear()
    again = left_durably(witness, project.run(lambda: build("other text")))
    assert again == {"first": True, "second": True, "third": True}


def test_where_files_are_adopted_a_tombstone_is_durable_before_its_run_leaves(
    project: Project, witness: Witness
) -> None:
    """Else a power cut would leave half a file, and nothing that tells."""

    def uncoded() -> None:
        ppg.FileGeneratingJob("uncoded", write("text")).ignore_code_changes()

    assert left_durably(witness, project.run(uncoded)) == {"uncoded": True}
    witness.sent.clear()
    adopting = project.run(lambda: ppg.FileGeneratingJob("coded", write("text")), adopt=True)
    assert left_durably(witness, adopting) == {"coded": True}


def test_a_record_that_nobody_waits_for_is_acknowledged_nevertheless(project: Project, witness: Witness) -> None:
    """Not the first, after which outputs are synced, which is written down; nor after a minute, as they are again."""
    witness.on_ack = lambda attempts: Path(f"{attempts} acknowledged").touch()

    def waiting(path: Any) -> None:
        until(Path("2 acknowledged").exists, patience_s=20)
        Path(path).write_text("text")

    def chain() -> None:
        first = ppg.FileGeneratingJob("first", write("text"))
        second = ppg.FileGeneratingJob("second", write("text")).depends_on(first)
        ppg.FileGeneratingJob("third", waiting).depends_on(second)

    assert project.ran(chain) == ["first", "second", "third"]


def test_a_record_is_durable_before_the_temporary_that_it_needed_is_removed(
    project: Project, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[tuple[str, Records]] = []
    remove_files = performing.remove_files

    def removing(graph: Any, job: Any, *more: Any) -> None:
        removed.append((job.job_id, witness.durable))
        remove_files(graph, job, *more)

    monkeypatch.setattr(performing, "remove_files", removing)
    project.run(lambda: build("text"))
    ((job_id, durable),) = removed
    assert job_id == "second"
    assert not durable["third"].tombstone, "third was not recorded yet"


def test_a_temporary_is_removed_before_what_follows_its_users_is_sent(
    project: Project, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a job that uses it without saying so might find it."""
    sent: list[int] = []
    remove_files = performing.remove_files

    def removing(*arguments: Any) -> None:
        sent.append(sum(isinstance(message, Run) for message, *_ in witness.sent))
        remove_files(*arguments)

    def longer() -> None:
        ppg.FileGeneratingJob("fourth", write("text")).depends_on(build("text"))

    monkeypatch.setattr(performing, "remove_files", removing)
    project.ran(longer)
    assert sent == [3]


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
    outputs = OutputSync(warn=pytest.fail)
    outputs.wrote("/there/file")
    outputs.start(7, now=0.0)
    assert outputs.finished() == 0
    may_end.set()
    assert until(outputs.finished) == 7
    assert outputs.finished() == 0


def fails(fd: int) -> None:
    """A syncfs on a file system that could not write everything."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def suspects_after_a_reboot() -> frozenset[str]:
    facts = HostFacts.of_this_process()
    store = StatusStore.open(Path(STORE), facts._replace(boot_id="another boot"))
    store.close(clean=False)
    return store.unsynced


def test_outputs_that_could_not_be_synced_stay_suspect(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on and says so once, however it notices."""
    monkeypatch.setattr(sync, "syncfs", fails)
    outcome = project.run(lambda: build("text"))
    assert outcome.error is None
    assert suspects_after_a_reboot() == {"first", "second", "third"}
    (warning,) = outcome.warnings()
    assert f"{project.path} could not be synced" in warning
    assert "Input/output error" in warning


def test_what_a_killed_run_left_unsynced_is_synced_before_the_store_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a run that makes nothing itself."""
    told: list[str] = []
    mark_synced, close = StatusStore.mark_synced, StatusStore.close

    def marked(store: StatusStore, sequence: int | None = None) -> None:
        told.append("marked")
        mark_synced(store, sequence)

    def build() -> None:
        ppg.FileGeneratingJob("out", write("text"))

    with monkeypatch.context() as killed:
        killed.setattr(StatusStore, "mark_synced", lambda store, sequence=None: None)
        killed.setattr(StatusStore, "close", lambda store, clean=True: close(store, clean=False))
        assert project.ran(build) == ["out"]
    monkeypatch.setattr(os, "sync", lambda: told.append("synced"))
    monkeypatch.setattr(StatusStore, "mark_synced", marked)
    assert project.ran(build) == []
    assert told == ["synced", "marked"]
    assert project.ran(build) == []
    assert told == ["synced", "marked", "marked"]


def test_what_was_synced_is_not_suspect(project: Project) -> None:
    assert project.run(lambda: build("text")).warnings() == []
    assert suspects_after_a_reboot() == frozenset()


def test_after_a_sync_that_failed_no_other_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells of what it could not write once."""
    said: list[str] = []
    outputs = OutputSync(said.append)
    with monkeypatch.context() as broken:
        broken.setattr(sync, "syncfs", fails)
        outputs.wrote(f"{tmp_path}/file")
        outputs.start(7, now=0.0)
        until(lambda: outputs.finished() or said)
    outputs.wrote(f"{tmp_path}/file")
    outputs.start(8, now=60.0)
    assert not outputs.finish()
    assert outputs.finished() == 0
    assert len(said) == 1


def test_a_directory_that_is_gone_needs_no_sync_and_one_that_cannot_be_opened_does(tmp_path: Path) -> None:
    said: list[str] = []
    outputs = OutputSync(said.append)
    outputs.wrote(f"{tmp_path}/gone/file")
    assert outputs.finish()
    (tmp_path / "round").symlink_to("round")
    outputs.wrote(f"{tmp_path}/round/file")
    assert not outputs.finish()
    assert f"{tmp_path}/round could not be synced" in said[0]
