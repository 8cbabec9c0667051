"""Records find their jobs, in whatever order these are made and those were written."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

import pypipegraph as ppg
from ppg_mcp.run.former_records import FormerRecords
from ppg_mcp.store import Record, StatusStore

from ..project import Project, write

NAMES = [f"out_{number}" for number in range(20)]


def jobs(names: Sequence[str]) -> None:
    for name in names:
        ppg.FileGeneratingJob(name, write(name))


@pytest.mark.parametrize("seed", range(5))
def test_jobs_that_are_made_in_another_order_are_current(project: Project, seed: int) -> None:
    assert project.ran(lambda: jobs(NAMES)) == sorted(NAMES)
    shuffled = random.Random(seed).sample(NAMES, len(NAMES))
    assert project.ran(lambda: jobs(shuffled)) == []


def test_jobs_come_and_go(project: Project) -> None:
    project.ran(lambda: jobs(NAMES[::2]))
    assert project.ran(lambda: jobs(NAMES)) == sorted(NAMES[1::2])
    assert project.ran(lambda: jobs(NAMES[10:])) == []
    assert project.ran(lambda: jobs([*NAMES[5:], "new"])) == ["new"]
    assert project.ran(lambda: jobs(["first", *NAMES, "new"])) == ["first"]


def test_jobs_that_wait_for_others_are_current(project: Project) -> None:
    def build(backwards: bool) -> None:
        samples = range(7, -1, -1) if backwards else range(8)
        for sample in samples:
            made = ppg.FileGeneratingJob(f"made_{sample}", write(f"made {sample}"))
            used = ppg.FileGeneratingJob(f"used_{sample}", write(f"used {sample}")).depends_on(made)
            used.depends_on_params(sample)

    assert len(project.ran(lambda: build(False))) == 16
    assert project.ran(lambda: build(False)) == []
    assert project.ran(lambda: build(True)) == []


@pytest.fixture
def store(project: Project) -> StatusStore:
    """Holds records of a, b and c, in this order; b was started once more."""
    project.ran(lambda: jobs("abc"))
    store = StatusStore.open(Path(".pypipegraph_status_robust"))
    store.tombstone("b", 1)
    store.commit()
    return store


def test_each_job_has_its_own_record(store: StatusStore) -> None:
    then = store.load()
    for names in ("abc", "cba", "bac", "xaybzc", "ac"):
        graph = ppg.new_pipegraph(quiet=True)
        jobs(names)
        in_order = graph.order = list(graph.by_id.values())
        for index, job in enumerate(in_order):
            job.index = index
        records = FormerRecords(graph, store)
        for job in in_order:
            known = then.get(job.job_id)
            assert records.packed(job) == (known.packed if known is not None and not known.tombstone else None)
            taken = records.take(job)
            if known is not None and known.tombstone:
                known = Record(b"", known.runtime_s, known.tombstone)
            assert taken == known
            assert job._record is None
        assert [name for name in "abc" if records.has_valid_absent(name)] == [n for n in "ac" if n not in names]
    store.close()


def test_a_job_that_comes_later_has_its_record(store: StatusStore) -> None:
    graph = ppg.new_pipegraph(quiet=True)
    records = FormerRecords(graph, store)
    jobs("abx")
    a, b, x = graph.by_id.values()
    then = store.load()
    store.close()
    assert records.packed(a) == then["a"].packed
    assert records.packed(b) is None
    assert records.packed(x) is None
    assert records.take(a) == then["a"]
    assert records.take(a) is None
    taken = records.take(b)
    assert taken is not None
    assert taken.tombstone == then["b"].tombstone
    assert records.take(x) is None
