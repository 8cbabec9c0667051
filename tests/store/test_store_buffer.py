"""Writes that wait for their commit: sorted by statement, but of each job in order."""

from __future__ import annotations

from ppg_mcp.store import writes
from ppg_mcp.store.buffer import Buffer

NO_FIELDS = (b"",) * 11


def kinds(buffer: Buffer) -> list[tuple[str, list[object]]]:
    """The first words of each statement, and the keys that it is executed with."""
    return [(" ".join(sql.split()[:3]), [values[0] for values in rows]) for sql, rows in buffer.groups()]


def record(buffer: Buffer, job_id: str) -> None:
    buffer.add(job_id, writes.record(job_id, NO_FIELDS, b""))
    buffer.add(job_id, writes.executed(job_id, 1, NO_FIELDS, first=True))


def test_many_jobs_take_as_many_calls_as_one() -> None:
    buffer = Buffer()
    for job_id in "abc":
        buffer.add(None, writes.describe(job_id.encode(), b""))
        record(buffer, job_id)
        buffer.add(job_id.upper(), writes.tombstone(job_id.upper(), "1@s"))
    assert len(buffer) == 15
    assert kinds(buffer) == [
        ("INSERT INTO jobs", ["A", "B", "C"]),
        ("INSERT INTO jobs", ["a", "b", "c"]),
        ("INSERT OR REPLACE", ["a", "b", "c"]),
        ("INSERT OR REPLACE", ["a", "b", "c"]),
        ("INSERT OR IGNORE", [b"a", b"b", b"c"]),
    ]
    buffer.clear()
    assert (len(buffer), kinds(buffer)) == (0, [])


def test_a_job_that_is_sent_again_in_the_same_commit_keeps_its_order() -> None:
    """Its record is followed by a tombstone, which would come first if all were sorted."""
    buffer = Buffer()
    buffer.add("a", writes.tombstone("a", "1@s"))
    record(buffer, "a")
    buffer.add("a", writes.tombstone("a", "2@s"))
    record(buffer, "b")
    assert kinds(buffer) == [
        ("INSERT INTO jobs", ["a"]),
        ("INSERT INTO jobs", ["a"]),
        ("INSERT OR REPLACE", ["a"]),
        ("INSERT OR REPLACE", ["a"]),
        ("INSERT INTO jobs", ["a"]),
        ("INSERT INTO jobs", ["b"]),
        ("INSERT OR REPLACE", ["b"]),
        ("INSERT OR REPLACE", ["b"]),
    ]


def test_what_is_forgotten_and_made_again_is_forgotten_first() -> None:
    buffer = Buffer()
    buffer.add("a", writes.forget("a"))
    buffer.add("a", writes.tombstone("a", "1@s"))
    assert [words.split()[0] for words, _ in kinds(buffer)] == ["DELETE", "DELETE", "DELETE", "INSERT"]


def test_every_statement_has_a_place_in_the_order() -> None:
    statements = [value for name, value in vars(writes).items() if name.startswith("_") and name.isupper()]
    assert sorted(map(str, statements)) == sorted(writes.ORDER)
