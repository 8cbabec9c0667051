"""Events in, instructions out."""

from __future__ import annotations

import math

from ppg_mcp.dispatcher import Poisoned, Unmeetable
from ppg_mcp.dispatcher.machine import MAX_AHEAD_PER_CORE, ahead_per_core

from .world import GB, World


def jobs(world: World) -> list[int]:
    return [sent.job for sent in world.dispatch()]


def attempt_of(world: World, job: int) -> int:
    return next(attempt for attempt, sent in world.out.items() if sent.job == job)


def test_nothing_is_sent_before_there_is_a_machine() -> None:
    world = World()
    world.offer(1)
    assert jobs(world) == []
    world.machine(cores=2)
    assert jobs(world) == [1]


def test_smaller_priorities_go_first_and_a_little_ahead_of_free_cores() -> None:
    world = World()
    world.machine(cores=2)
    world.long_job()
    for job in range(10):
        world.offer(job, priority=-job)
    assert jobs(world) == [9, 8, 7, 6], "two that run, two that wait there so that no core does"
    assert jobs(world) == []
    world.end(attempt_of(world, 9))
    world.end(attempt_of(world, 8))
    assert jobs(world) == [5, 4]


def test_of_short_jobs_more_are_sent_ahead() -> None:
    world = World()
    world.machine(cores=2)
    for job in range(1000):
        world.offer(job)
    for _ in range(200):
        world.dispatch()
        world.end(min(world.out), 0.001)
    world.dispatch()
    assert 20 < len(world.out) <= 2 * (1 + MAX_AHEAD_PER_CORE)


def busy_with_short_jobs(world: World) -> int:
    """Machine "m" of two cores has all that is sent ahead to it, which is so much; there are more jobs."""
    world.machine(cores=2)
    for job in range(2000):
        world.offer(job)
    for _ in range(200):
        world.dispatch()
        world.end(min(world.out), 0.001)
    world.dispatch()
    while len(world.out) < 2 * (1 + MAX_AHEAD_PER_CORE):
        world.end(min(world.out), 0.001)
        world.dispatch()
    return 2 * MAX_AHEAD_PER_CORE


def test_more_is_sent_when_half_of_what_was_sent_ahead_has_gone() -> None:
    world = World()
    ahead = busy_with_short_jobs(world)
    for _ in range(ahead // 2 - 1):
        world.end(min(world.out), 0.001)
        assert jobs(world) == []
    world.end(min(world.out), 0.001)
    assert len(world.dispatch()) == ahead // 2


def test_with_a_commit_that_comes_anyway_more_is_sent_when_it_is_worth_a_message() -> None:
    world = World()
    busy_with_short_jobs(world)
    worth_it = math.ceil(len(world.out) / 5)  # room for a quarter of those that are out then
    for _ in range(worth_it - 1):
        world.end(min(world.out), 0.001)
    assert world.dispatch(along=True) == []
    world.end(min(world.out), 0.001)
    assert jobs(world) == []
    assert len(world.dispatch(along=True)) == worth_it


def test_when_one_machine_is_low_others_are_sent_more_with_the_same_commit() -> None:
    world = World()
    busy_with_short_jobs(world)
    world.machine("other", cores=2)
    assert {sent.machine for sent in world.dispatch()} == {"other"}
    for _ in range(90):
        world.end(min(world.out), 0.001)
    assert jobs(world) == []
    world.machine("third", cores=1)
    assert {sent.machine for sent in world.dispatch()} == {"m", "third"}


def test_what_is_longer_than_a_moment_is_not_sent_far_ahead_since_more_urgent_jobs_start_behind_it() -> None:
    work_s = {runtime_s: runtime_s * ahead_per_core(runtime_s) for runtime_s in (0.001, 0.01, 0.03, 0.1, 0.2, 10.0)}
    assert [round(one_s, 3) for one_s in work_s.values()] == [0.192, 0.6, 0.24, 0.2, 0.2, 10.0]


def test_of_long_jobs_only_one_per_core() -> None:
    world = World()
    world.machine(cores=2)
    for job in range(100):
        world.offer(job)
    for _ in range(50):
        world.dispatch()
        world.end(min(world.out), 60.0)
    world.dispatch()
    assert len(world.out) == 4


def test_a_withdrawn_job_is_not_sent_and_one_that_is_out_does_not_come_back() -> None:
    world = World()
    world.machine(cores=1)
    world.long_job()
    for job in (1, 2, 3):
        world.offer(job)
    assert jobs(world) == [1, 2]
    world.withdraw(3)
    world.withdraw(2)
    world.retract(attempt_of(world, 2))
    world.end(attempt_of(world, 1))
    assert jobs(world) == []
    assert world.over == {1: "ended", 2: "withdrawn", 3: "withdrawn"}


def test_a_withdrawn_job_that_is_lost_does_not_come_back_either() -> None:
    world = World()
    world.machine(cores=1)
    world.offer(1)
    world.dispatch()
    world.withdraw(1)
    assert world.lose(attempt_of(world, 1)) == []
    assert jobs(world) == []


def test_a_withdrawn_job_is_no_poison_whatever_happens_to_its_last_attempt() -> None:
    world = World()
    world.machine(cores=1)
    world.offer(1)
    for _ in range(3):
        world.dispatch()
        world.lose(attempt_of(world, 1))
    world.dispatch()
    world.withdraw(1)
    assert world.lose(attempt_of(world, 1)) == []
    assert world.over == {1: "withdrawn"}


def test_a_retracted_attempt_is_sent_again_under_another_number() -> None:
    world = World()
    world.machine(cores=1)
    world.offer(1)
    (first,) = world.dispatch()
    world.retract(first.attempt)
    (second,) = world.dispatch()
    assert second.job == 1
    assert second.attempt > first.attempt


def test_suspects_are_tried_alone_and_neighbours_are_acquitted() -> None:
    world = World()
    world.machine(cores=4)
    for job in (1, 2, 3):
        world.offer(job)
    world.dispatch()
    for attempt in list(world.out):
        assert world.lose(attempt) == []
    for _ in range(3):
        (sent,) = (sent for sent in world.dispatch() if sent.cores == -2)
        world.end(sent.attempt)
    assert set(world.over.values()) == {"ended"}


def test_who_was_lost_among_many_goes_only_alone() -> None:
    world = World()
    world.machine(cores=2)
    world.long_job()
    for job in range(3):
        world.offer(job)
    world.dispatch()
    world.lose(attempt_of(world, 0))
    for attempt in sorted(world.out):
        world.end(attempt)
    assert [sent.cores for sent in world.dispatch()] == [-2]


def test_alone_on_three_lost_machines_is_poison() -> None:
    world = World()
    world.machine(cores=4)
    world.offer(7)
    for loss in range(4):
        (sent,) = world.dispatch()
        assert (sent.cores == -2) == (loss > 0)
        instructions = world.lose(sent.attempt)
        assert instructions == ([] if loss < 3 else [Poisoned(7, ("m", "m", "m"))])
    assert jobs(world) == []


def test_a_retracted_suspect_is_still_a_suspect_but_was_not_lost() -> None:
    world = World()
    world.machine(cores=4)
    world.offer(7)
    (sent,) = world.dispatch()
    world.lose(sent.attempt)
    for _ in range(5):
        (sent,) = world.dispatch()
        assert sent.cores == -2
        world.retract(sent.attempt)
    (sent,) = world.dispatch()
    world.end(sent.attempt)


def test_what_no_machine_can_give_is_unmeetable_at_once_or_when_the_machine_comes() -> None:
    world = World()
    world.offer(1, cores=5)
    world.offer(2, memory=9 * GB)
    world.offer(3, cores=-2)
    world.machine(cores=4, gb=8)
    assert world.over == {1: "unmeetable", 2: "unmeetable"}
    assert world.offer(4, cores=5) == [Unmeetable(4, 5, 0)]
    assert world.offer(5, cores=-1, memory=9 * GB) == [Unmeetable(5, -1, 9 * GB)]
    assert world.offer(6, memory=5 * GB, loads=(50,), loads_bytes=4 * GB) == [Unmeetable(6, 1, 9 * GB)]
    assert jobs(world) == [3]


def test_memory_above_one_cores_share_counts_as_cores() -> None:
    world = World()
    world.machine(cores=4, gb=8)
    world.offer(1, memory=5 * GB)
    world.offer(2, memory=2 * GB)
    world.offer(3, cores=3, memory=3 * GB)
    assert [(sent.job, sent.cores) for sent in world.dispatch()] == [(1, 3), (2, 1), (3, 3)]


def test_wide_jobs_go_one_at_a_time_and_take_turns_with_narrow_ones() -> None:
    world = World()
    world.machine(cores=2)
    world.long_job()
    for job in range(6):
        world.offer(job, cores=-1)
    for job in range(100, 130):
        world.offer(job)
    order = []
    while world.ready or world.out:
        world.dispatch()
        attempt = min(world.out)
        order.append("w" if world.out[attempt].cores < 0 else "n")
        world.end(attempt)
    text = "".join(order)
    assert "ww" not in text.rstrip("w"), "narrow ones are not starved"
    assert text.index("w") < 5
    assert text.rindex("w") < 30, "wide ones are not starved"


def test_a_job_goes_where_its_data_is() -> None:
    world = World()
    world.machine("a", cores=4)
    world.machine("b", cores=2)
    world.resident("b", 50)
    world.offer(1, loads=(50,))
    world.offer(2)
    assert {sent.job: sent.machine for sent in world.dispatch()} == {1: "b", 2: "a"}
    world.gone("b", 50)
    world.offer(3, loads=(50,))
    (sent,) = world.dispatch()
    assert sent.machine == "a"


def test_data_elsewhere_leaves_no_machine_idle() -> None:
    world = World()
    world.machine("a", cores=1)
    world.machine("b", cores=1)
    world.resident("b", 50)
    for job in range(6):
        world.offer(job, loads=(50,))
    assert {sent.machine for sent in world.dispatch()} == {"a", "b"}


def test_a_job_is_not_sent_to_a_machine_that_is_too_small_for_it() -> None:
    world = World()
    world.machine("small", cores=2, gb=2)
    world.machine("large", cores=8, gb=8)
    world.offer(1, cores=8)
    world.offer(2, cores=-1, memory=4 * GB)
    world.offer(3, memory=6 * GB)
    for job in range(10, 20):
        world.offer(job)
    world.run_dry()
    assert set(world.over.values()) == {"ended"}


def test_jobs_for_the_large_machine_do_not_block_the_small_one() -> None:
    world = World()
    world.machine("large", cores=8, gb=8)
    for job in range(4):
        world.offer(job, cores=8)
    world.dispatch()
    world.machine("small", cores=2, gb=2)
    for job in range(10, 13):
        world.offer(job)
    assert {sent.machine for sent in world.dispatch()} == {"small"}


def test_a_share_of_no_cores_gets_nothing() -> None:
    world = World()
    world.machine("m", cores=0, total_cores=4)
    world.offer(1)
    world.offer(2, cores=-2)
    assert jobs(world) == []
    world.machine("m", cores=4)
    assert sorted(jobs(world)) == [1, 2]


def test_a_machine_that_vanishes_makes_nobody_a_suspect_the_first_time() -> None:
    world = World()
    world.machine("a", cores=4)
    world.machine("b", cores=4)
    world.long_job()
    for job in range(4):
        world.offer(job)
    world.dispatch()
    world.vanish("a")
    again = world.dispatch()
    assert again
    assert all(sent.machine == "b" and sent.cores == 1 for sent in again)


def test_who_vanishes_twice_is_tried_alone() -> None:
    world = World()
    world.offer(1)
    for name in ("a", "b"):
        world.machine(name)
        world.dispatch()
        world.vanish(name)
    world.machine("c")
    assert [sent.cores for sent in world.dispatch()] == [-2]


def test_a_wide_job_waits_for_a_share_of_the_whole_machine() -> None:
    world = World()
    world.machine(cores=2, total_cores=4)
    world.offer(1, cores=-2)
    world.offer(2, cores=-1)
    world.offer(3)
    assert jobs(world) == [3]
    world.share("m", 3)
    assert jobs(world) == [2]
    world.end(attempt_of(world, 2))
    world.share("m", 4)
    assert jobs(world) == [1]


def test_a_wide_job_and_a_suspect_wait_for_memory_too() -> None:
    world = World()
    world.machine(cores=4, gb=1, total_gb=8)
    world.offer(1, cores=-1, memory=2 * GB)
    assert jobs(world) == []
    world.share("m", 4, 2)
    assert jobs(world) == [1]
    world.lose(attempt_of(world, 1))
    world.share("m", 4, 1)
    assert jobs(world) == []
    world.share("m", 4, 2)
    assert jobs(world) == [1]


def test_a_job_that_is_larger_than_the_share_waits_and_smaller_ones_go() -> None:
    world = World()
    world.machine(cores=2, total_cores=4)
    world.offer(1, cores=3)
    world.offer(2)
    assert jobs(world) == [2]


def test_what_exceeds_a_smaller_share_is_to_be_taken_back_the_newest_first() -> None:
    world = World()
    world.machine(cores=4)
    world.long_job()
    for job in range(8):
        world.offer(job)
    world.dispatch()
    started = {attempt_of(world, job) for job in range(4)}
    world.machine(cores=1, total_cores=4)
    assert world.core.surplus("m", started) == [attempt_of(world, job) for job in (7, 6, 5, 4)]


def test_with_patience_a_job_waits_for_a_machine_that_is_large_enough() -> None:
    world = World(patient=True)
    world.machine(cores=2)
    world.offer(1, cores=8)
    assert jobs(world) == []
    world.machine("large", cores=8)
    assert jobs(world) == [1]


def test_with_patience_a_job_is_refused_that_no_machine_can_give_what_it_needs() -> None:
    world = World(patient=True)
    world.machine(cores=2)
    for job, needs in enumerate([(8, 0), (2, 9 * GB), (2, 8 * GB), (4, GB), (4, 2 * GB), (-1, 0), (-2, 0)]):
        world.offer(job, cores=needs[0], memory=needs[1])
    world.bound((2, 8 * GB), (4, GB))
    assert sorted(world.over) == [0, 1, 4]
    world.offer(7, cores=8)
    assert world.over[7] == "unmeetable"
    world.bound((8, 8 * GB), (4, GB))
    world.offer(8, cores=8)
    assert 8 not in world.over


def test_with_patience_nothing_is_refused_where_no_machine_is() -> None:
    world = World(patient=True)
    world.offer(1, cores=8)
    world.bound()
    assert world.over == {}


def test_data_that_was_measured_counts_when_a_job_is_refused() -> None:
    world = World(patient=True)
    world.machine(cores=2)
    world.offer(1, memory=4 * GB, loads=(9,))
    world.bound((2, 8 * GB))
    assert world.over == {}
    world.resident("m", 9, gb=5)
    world.bound((2, 8 * GB))
    assert list(world.over) == [1]


def test_a_wide_job_is_not_taken_back_for_a_machine_whose_share_is_too_small_for_it() -> None:
    world = World()
    world.machine("a", cores=4)
    world.share("a", 1)
    world.machine("b", cores=1)
    world.offer(1, cores=-1)
    world.offer(2, memory=8 * GB)
    assert {sent.machine for sent in world.dispatch()} == {"b"}
    world.share("a", 1, gb=0)
    world.steal(set())
    assert {sent.machine for sent in world.out.values()} == {"b"}


def test_a_wide_job_is_taken_back_for_an_idle_machine_that_is_granted_as_a_whole() -> None:
    world = World()
    world.machine("b", cores=1)
    world.offer(1)
    world.offer(2, cores=-1)
    assert {sent.machine for sent in world.dispatch()} == {"b"}
    world.machine("a", cores=4)
    world.steal({attempt_of(world, 1)})
    assert {sent.job: sent.machine for sent in world.out.values()} == {1: "b", 2: "a"}


def test_what_was_sent_ahead_is_taken_back_for_a_machine_that_comes_later() -> None:
    world = World()
    world.machine("a", cores=2)
    world.long_job()
    for job in range(4):
        world.offer(job)
    assert jobs(world) == [0, 1, 2, 3]
    assert world.core.to_steal(set()) == []
    world.machine("b", cores=2)
    started = {attempt_of(world, 0), attempt_of(world, 1)}
    stolen = world.core.to_steal(started)
    assert stolen == [("a", attempt_of(world, 3)), ("a", attempt_of(world, 2))]
    assert world.core.to_steal(started) == [], "asked back once"
    for _, attempt in stolen:
        world.retract(attempt)
    assert [sent.machine for sent in world.dispatch()] == ["b", "b"]


def test_nothing_is_taken_back_from_a_machine_that_could_run_it_now() -> None:
    world = World()
    world.machine("a", cores=4)
    world.machine("b", cores=4)
    for job in range(4):
        world.offer(job)
    world.dispatch()
    assert world.core.to_steal(set()) == []


def test_what_was_taken_back_does_not_return_to_where_it_was() -> None:
    """Not even when its data is there: nobody would ever start it."""
    world = World()
    world.machine("a", cores=2)
    world.resident("a", 100)
    world.long_job()
    for job in range(4):
        world.offer(job, loads=(100,))
    world.dispatch()
    world.machine("b", cores=2)
    for _, attempt in world.core.to_steal({attempt_of(world, 0), attempt_of(world, 1)}):
        world.retract(attempt)
    assert [sent.machine for sent in world.dispatch()] == ["b", "b"]
    assert world.core.to_steal(set()) == []


def test_any_number_of_jobs_that_are_too_large_for_the_share_hides_no_others() -> None:
    world = World()
    world.machine(cores=2, total_cores=4)
    for job in range(1000):
        world.offer(job, cores=3)
    world.offer(2000)
    assert jobs(world) == [2000]


def test_narrow_jobs_that_fit_nowhere_now_do_not_keep_wide_ones_from_their_turn() -> None:
    world = World()
    world.machine(cores=3, total_cores=4)
    world.offer(1, cores=-1)
    world.offer(2, cores=-1)
    world.offer(3, cores=4)
    assert jobs(world) == [1]
    world.end(attempt_of(world, 1))
    assert jobs(world) == [2], "the narrow one, whose turn it would be, needs more than the share"


def test_a_job_goes_where_it_has_room_beside_the_data() -> None:
    world = World()
    world.machine("a", cores=1, gb=3, total_cores=4, total_gb=8)
    world.machine("b", cores=1, gb=6, total_cores=4, total_gb=8)
    for name in "ab":
        world.data_size(name, 3)
    for job in (1, 2):
        world.offer(job, memory=2 * GB)
    assert {sent.machine for sent in world.dispatch()} == {"b"}


def test_data_is_loaded_only_where_there_is_room_for_it() -> None:
    world = World()
    world.machine("a", cores=1, gb=3, total_cores=4, total_gb=8)
    world.offer(1, loads=(50,), loads_bytes=4 * GB)
    assert jobs(world) == []
    world.machine("a", cores=1, gb=4, total_cores=4, total_gb=8)
    assert jobs(world) == [1]


def test_data_that_does_not_fit_a_small_machine_leaves_it_to_jobs_that_need_none() -> None:
    world = World(patient=True)
    world.machine("small", cores=2, gb=4)
    world.offer(1, memory=GB, loads=(50,), loads_bytes=100 * GB)
    world.offer(2, memory=GB)
    assert jobs(world) == [2]
    world.machine("large", cores=2, gb=128)
    assert [(sent.job, sent.machine) for sent in world.dispatch()] == [(1, "large")]


def test_data_of_undeclared_size_is_part_of_the_demand_once_it_was_measured() -> None:
    world = World(patient=True)
    world.machine("small", cores=2, gb=4)
    world.machine("large", cores=2, gb=128)
    world.offer(1, loads=(50, 51), loads_bytes=GB)
    world.offer(2)
    assert world.core.demand == {(1, 0, GB): 1, (1, 0, 0): 1}
    world.resident("large", 50, gb=100)
    world.data_size("large", 101)
    assert world.core.demand == {(1, 0, 101 * GB): 1, (1, 0, 0): 1}
    sent = {dispatch.job: dispatch.machine for dispatch in world.dispatch()}
    assert sent[1] == "large"
    world.check()


def test_what_can_not_start_any_more_for_its_memory_is_to_be_taken_back() -> None:
    """Behind a job that waits for memory that it will not get, everything would wait."""
    world = World()
    world.machine(cores=2, gb=4, total_cores=4, total_gb=8)
    world.offer(1, memory=2 * GB)
    world.offer(2)
    world.dispatch()
    assert world.core.surplus("m", set()) == []
    world.data_size("m", 3)
    assert world.core.surplus("m", set()) == [attempt_of(world, 1)]
    assert world.core.surplus("m", {attempt_of(world, 1)}) == [], "it runs"


def test_a_wide_job_is_to_be_taken_back_when_the_share_is_not_the_whole_machine_any_more() -> None:
    world = World()
    world.machine(cores=4)
    world.offer(1, cores=-2)
    world.dispatch()
    world.machine(cores=3, total_cores=4)
    assert world.core.surplus("m", set()) == [attempt_of(world, 1)]


def test_jobs_are_spread_over_machines() -> None:
    world = World()
    for name in "abc":
        world.machine(name, cores=4)
    for job in range(6):
        world.offer(job)
    sent = [one.machine for one in world.dispatch()]
    assert sorted(sent) == ["a", "a", "b", "b", "c", "c"]
