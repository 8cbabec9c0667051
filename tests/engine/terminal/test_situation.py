"""Where a run stands, and the time left, by figures."""

from __future__ import annotations

import pytest

from ppg_mcp.planner import Former, Kind, Node, Planner, Succeeded
from ppg_mcp.priority import Priorities
from ppg_mcp.run.situation import Running, Situation


class OneCore:
    cores_needed = 1

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id


def situation(*nodes: Node, cores: int = 2) -> Situation:
    """All nodes planned, the clock at 0."""
    planner = Planner()
    priorities = Priorities(planner)
    planner.extend(nodes)
    if nodes:
        priorities.of(0)
    return Situation(planner, [OneCore(node.job_id) for node in nodes], priorities, 0.0, cores)  # type: ignore[misc]


def job(name: str, runtime_s: float = 0.0, inputs: tuple[int, ...] = ()) -> Node:
    """An output that must run, and took so long before (0: it never ran)."""
    former = Former(b"b" * 16, b"s" * 16, b"c" * 16, valid=False, runtime_s=runtime_s) if runtime_s else None
    return Node(name, Kind.OUTPUT, inputs, former=former)


def test_all_that_must_run_counts_ready_or_not() -> None:
    one = situation(job("a"), job("b", inputs=(0,)), job("c", inputs=(1,)))
    one.running[1] = Running(0, "a", 0.0, 1, 1)
    seen = one.look(5.0)
    assert (seen.total, seen.done, seen.waiting, [r.job_id for r in seen.running]) == (3, 0, 2, ["a"])


def test_what_is_over_or_current_does_not() -> None:
    one = situation(job("a"), job("b"), Node("current", Kind.INVARIANT, value=b"v" * 16))
    one.planner.handle(Succeeded(0, b"x" * 16, b"y" * 16))
    one.done = 1
    assert (one.look(1.0).total, one.look(1.0).waiting) == (2, 1)


def test_nothing_to_do() -> None:
    assert situation().look(1.0).left_s == 0.0


def test_without_history_the_time_left_is_not_known_until_a_job_has_ended() -> None:
    one = situation(job("a"), job("b"), job("c"), job("d"))
    assert one.look(0.0).left_s is None
    one.took(3.0, 1)
    assert one.look(0.0).left_s == pytest.approx(4 * 3.0 / 2), "the mean of those that ended, on two cores"


def test_earlier_runtimes_are_shared_by_the_cores() -> None:
    one = situation(job("a", 10.0), job("b", 20.0), job("c", 30.0))
    assert one.look(0.0).left_s == pytest.approx(30.0)
    one.cores = 1
    assert one.look(0.0).left_s == pytest.approx(60.0)


def test_what_has_run_already_is_not_left() -> None:
    one = situation(job("a", 10.0), job("b", 10.0), cores=1)
    one.running[1] = Running(0, "a", 0.0, 1, 1)
    assert one.look(4.0).left_s == pytest.approx(16.0)
    assert one.look(12.0).left_s == pytest.approx(12.0), "longer than expected: as much longer again is counted"


def test_what_runs_counts_for_what_it_has_taken_already() -> None:
    """Where only trivial jobs have ended."""
    one = situation(*map(job, "abc"))
    for _ in range(3):
        one.took(0.001, 1)
    one.running[1] = Running(0, "a", 0.0, 1, 1)
    assert one.look(4.0).left_s == pytest.approx(4.0, rel=0.3), "and not less by the cores that have nothing to do"
    one.cores = 1
    assert one.look(4.0).left_s == pytest.approx(5.0, rel=0.05), (
        "what waits takes as long as what ran so far, on average"
    )


def test_no_time_is_named_while_nothing_can_run() -> None:
    one = situation(job("a", 10.0), job("b", 10.0))
    one.waits_for = "no ppg-slave has come"
    assert one.look(1.0).left_s is None
    one.running[1] = Running(0, "a", 0.0, 1, 1)
    assert one.look(1.0).left_s == pytest.approx(10.0)


def test_never_less_than_the_longest_path() -> None:
    one = situation(job("a", 10.0), job("b", 20.0, (0,)), job("c", 1.0), cores=64)
    assert one.look(0.0).left_s == pytest.approx(30.0)
    one.running[1] = Running(0, "a", 0.0, 1, 1)
    assert one.look(4.0).left_s == pytest.approx(26.0)


def test_jobs_that_come_later_are_counted() -> None:
    one = situation(job("a", 10.0), cores=1)
    assert one.look(0.0).left_s == pytest.approx(10.0)
    one.planner.extend([job("b", 5.0)])
    one.order = [*one.order, OneCore("b")]  # type: ignore[list-item]
    assert (one.look(0.0).total, one.look(0.0).left_s) == (2, pytest.approx(15.0))
