"""What no machine of a cluster can give: it is waited for, since a larger one may come; then the job fails."""

from __future__ import annotations

import math

from ppg_mcp.cluster.core import LARGEST_LEASES
from ppg_mcp.cluster.largest import LargestLately

from .hosts import LEASE_S, Cluster

SMALL, LARGE = (2, 8), (8, 8)


def test_nothing_is_known_before_time_has_passed_since_the_first_machine() -> None:
    largest = LargestLately(10.0)
    largest.hear((), 0.0)
    assert (largest.due(100.0), largest.deadline) == (None, math.inf)
    largest.hear((SMALL,), 100.0)
    assert (largest.due(109.0), largest.deadline) == (None, 110.0)
    assert largest.due(110.0) == (SMALL,)
    assert (largest.due(110.0), largest.deadline) == (None, math.inf)


def test_a_larger_machine_counts_at_once_and_for_some_time_after_it_was_there() -> None:
    largest = LargestLately(10.0)
    largest.hear((SMALL,), 0.0)
    assert largest.due(10.0) == (SMALL,)
    largest.hear((LARGE,), 20.0)
    assert largest.due(20.0) == (LARGE, SMALL)
    largest.hear((SMALL,), 25.0)
    assert largest.due(25.0) is None
    assert largest.deadline == 35.0
    assert largest.due(35.0) == (SMALL,)
    assert largest.deadline == math.inf


def test_one_that_comes_back_in_time_was_never_away() -> None:
    largest = LargestLately(10.0)
    largest.hear((LARGE,), 0.0)
    assert largest.due(10.0) == (LARGE,)
    largest.hear((), 20.0)
    largest.hear((), 25.0)
    assert largest.deadline == 30.0
    largest.hear((LARGE,), 29.0)
    assert (largest.due(50.0), largest.deadline) == (None, math.inf)


def test_where_no_machine_is_nothing_is_known_again() -> None:
    largest = LargestLately(10.0)
    largest.hear((LARGE,), 0.0)
    largest.due(10.0)
    largest.hear((), 20.0)
    assert largest.due(30.0) == ()
    assert (largest.due(99.0), largest.deadline) == (None, math.inf)


def test_a_job_fails_that_no_machine_can_give_what_it_needs(cluster: Cluster) -> None:
    """Nor does the run wait longer for it, and what does not need it is done."""
    cluster.up("a", cores=2)
    script = cluster.start("""
def write(path):
    Path(path).write_text("text")

ppg.FileGeneratingJob("well", write)
large = ppg.FileGeneratingJob("large", write).use_cores(64)
ppg.FileGeneratingJob("behind", write).depends_on(large)
began = time.monotonic()
try:
    ppg.run()
except ppg.RuntimeError as failures:
    note(f"{[failure.job_id for failure in failures.failures]} {failures.pruned} {time.monotonic() - began}")
    raise
""")
    assert script.wait() == 1
    failed, took_s = script.notes[-1].rpartition(" ")[::2]
    assert failed == "['large'] ('behind',)"
    assert float(took_s) > LARGEST_LEASES * LEASE_S, "a larger one might have come"
    assert "needs 64 cores" in script.err
    assert "the largest has 2 cores" in script.err
    assert (script.directory / "well").exists()
