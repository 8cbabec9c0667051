"""Jobs that are ordered ahead, each to start when another ends."""

from __future__ import annotations

from typing import Any

import pytest
from cs_machine import DIED, KILLED, NOTHING, Machine, kinds

from ppg_cs import instructions as do
from ppg_protocol.messages import Cancel, Retract, Shutdown, Unload


def crowded(cores: int = 2, jobs: int = 12) -> Machine:
    """Many jobs of one core."""
    m = Machine(cores)
    for attempt in range(1, jobs + 1):
        m.run(attempt)
    return m


def waiting(m: Machine) -> dict[int, int]:
    """Reliefs, and the ends that they wait for."""
    return {process.key: end for (_, end), process in m.reliefs.items()}


def test_where_many_are_queued_each_core_has_a_relief() -> None:
    m = crowded(cores=2)
    assert list(m.jobs) == [1, 2]
    assert waiting(m) == {3: 1, 4: 2}
    assert kinds(m.exit(2)) == ["Finished"]
    assert list(m.jobs) == [1, 3]
    assert waiting(m) == {4: 2, 5: 3}
    (started,) = m.fork(3)
    assert started.cores == 1
    assert len({work.slot for work in m.core.work.values()}) == 4


def test_an_end_and_an_order_may_cross() -> None:
    m = crowded(cores=1)
    assert waiting(m) == {2: 1}
    m.end(1)
    m.end(2)
    assert not m.jobs, "the second end is not heard of, and has no relief yet"
    m.tell(m.unheard[1].popleft())
    assert list(m.jobs) == [3], "it was ordered for an end that had come already"
    m.settle()
    assert m.fates() == dict.fromkeys(range(1, 13), 1)


def test_of_few_jobs_none_is_ordered_ahead() -> None:
    assert waiting(crowded(cores=2, jobs=6)) == {}


def test_a_wide_job_has_no_relief_before_it() -> None:
    m = Machine(cores=2)
    m.run(1)
    m.run(2)
    m.run(3, cores=2)
    for attempt in range(4, 20):
        m.run(attempt)
    assert waiting(m) == {}


def test_of_a_wide_job_that_ends_one_core_goes_to_its_relief_and_the_rest_to_the_next() -> None:
    m = Machine(cores=2)
    m.run(1, cores=2)
    for attempt in range(2, 12):
        m.run(attempt)
    assert waiting(m) == {2: 1}
    m.exit(1)
    assert list(m.jobs) == [2, 3]


def test_while_remains_are_swept_the_relief_has_the_core() -> None:
    m = crowded(cores=1)
    m.exit(1, KILLED, DIED)
    assert list(m.jobs) == [2]
    assert m.core.admission.cores_taken == 1
    assert kinds(m.swept()) == ["Finished"]
    m.settle()
    assert m.fates() == dict.fromkeys(range(1, 13), 1)


@pytest.mark.parametrize("message", [Retract((2,)), Cancel(2)])
def test_a_relief_can_be_taken_back(message: Any) -> None:
    m = crowded(cores=1)
    assert m.tell(message) == []
    (retracted,) = m.hear(1)
    assert retracted.attempts == (2,)
    m.settle()
    assert m.fates() == dict.fromkeys(range(1, 13), 1)


def test_a_relief_that_starts_before_it_can_be_taken_back_is_not_retracted() -> None:
    m = crowded(cores=1)
    m.end(1)
    m.tell(Retract((2,)))
    said = m.hear(1)
    assert "Retracted" not in kinds(said)
    assert list(m.jobs) == [2]


def test_what_waits_for_an_end_is_asked_for_again_when_its_data_goes() -> None:
    m = Machine(cores=1)
    for attempt in range(1, 8):
        m.run(attempt, loads=(7,))
    m.prepare(-1)
    assert waiting(m) == {2: 1}
    m.tell(Unload(7))
    m.hear(2)
    assert waiting(m) == {}
    m.exit(1)
    assert [p.job for p in m.jobs.values()] == [7], "it is loaded again"
    m.settle()
    assert m.fates() == dict.fromkeys(range(1, 8), 1)


def test_no_relief_waits_for_an_end_that_does_not_come() -> None:
    m = crowded(cores=1)
    m.refuse(1)
    m.hear(1)
    assert len(waiting(m)) <= len(m.jobs)
    m.settle()
    assert m.fates() == dict.fromkeys(range(1, 13), 1)


def test_at_the_end_reliefs_are_no_reason_to_wait() -> None:
    m = crowded(cores=1)
    m.tell(Shutdown("the run is over"))
    m.exit(1, KILLED, NOTHING)
    m.swept()
    assert m.left


# ----------------------------------------------------------------------------------------- where none is to wait longer


def all_have_ended_well(m: Machine, attempts: int) -> bool:
    m.settle()
    return m.fates() == dict.fromkeys(range(1, attempts + 1), 1)


def loading(cores: int = 2, jobs: int = 12) -> Machine:
    """The first job waits for a load, which is at work, the others for a core."""
    m = Machine(cores)
    m.run(1, loads=(7,))
    for attempt in range(2, jobs + 1):
        m.run(attempt)
    return m


def test_nothing_waits_in_a_data_process_that_has_a_successor() -> None:
    """There it would wait for a long job, while cores are free."""
    m = loading(cores=3)
    assert list(m.jobs) == [-1, 2, 3]
    assert waiting(m) == {4: 1, 5: 2}
    m.prepare(-1)
    m.hear(1)
    assert set(m.reliefs) <= {(2, end) for end in range(9)}
    m.exit(2)
    assert {process.parent for key, process in m.jobs.items() if key != 3} == {2}
    assert all_have_ended_well(m, 12)


@pytest.mark.parametrize("message", [Retract((4,)), Cancel(4)])
def test_it_can_be_taken_back_from_there(message: Any) -> None:
    m = loading(cores=3)
    m.prepare(-1)
    m.tell(message)
    assert [said.attempts for said in m.hear(1) if kinds([said]) == ["Retracted"]] == [(4,)]
    assert all_have_ended_well(m, 12)


def test_where_a_fork_was_refused_nothing_waits_for_its_end_be_there_a_successor_or_not() -> None:
    m = loading(cores=3)
    m.end(2)
    m.end(3)
    for _ in range(2):
        m.tell(m.unheard[1].popleft())
    m.prepare(-1)
    for key in (4, 5):
        m.refuse(key)
    assert all_have_ended_well(m, 12)


def test_what_was_retracted_and_could_not_start_is_not_queued_again() -> None:
    m = crowded(cores=1)
    m.end(1)
    m.tell(Retract((2,)))
    assert kinds(m.refuse(2))[-1] == "Retracted"
    assert all_have_ended_well(m, 12)


def test_none_waits_beside_a_free_core() -> None:
    """Two cores are free when the wide job ends, of which its relief takes one."""
    m = Machine(cores=3)
    m.run(1, cores=2)
    m.run(2)
    for attempt in range(3, 14):
        m.run(attempt)
    assert waiting(m) == {3: 1, 4: 2}
    m.tell(Retract(tuple(range(5, 14))))
    m.exit(1)
    assert list(m.jobs) == [2, 3, 4]
    assert waiting(m) == {}
    assert all_have_ended_well(m, 13)


def test_each_is_asked_for_once() -> None:
    m = crowded(cores=1)
    asked = []
    for _ in range(2):
        m.tell(Retract((2,)))
        asked.append(sum(isinstance(one, do.TakeBack) for one in m.done))
    assert asked == [1, 1]


def test_at_the_end_they_are_asked_for_before_anything_is_killed() -> None:
    """Lest one starts in place of what was killed."""
    m = crowded(cores=1)
    before = len(m.done)
    m.tell(Shutdown("the run is over"))
    assert [type(one) for one in m.done[before:]][:2] == [do.TakeBack, do.Kill]
