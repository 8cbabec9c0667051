"""The supervisor core: stories of events in and instructions out."""

from __future__ import annotations

from typing import Any

import pytest
from cs_machine import DIED, FAILED, KILLED, MADE, NOTHING, RAISED, USAGE, Machine, kinds

from ppg_cs import events as on
from ppg_cs import instructions as do
from ppg_cs.shortage import PATIENCE_S, PAUSE_S
from ppg_cs.supervisor_core import SHUTDOWN_S
from ppg_protocol.errors import RemoteProtocolError
from ppg_protocol.messages import Ack, Cancel, DataLost, Define, Retract, Shutdown, Unload
from ppg_protocol.records import Blob, Outcome


def define(attempt: int, *jobs: int) -> Define:
    return Define(attempt, jobs, Blob(b""))


def test_jobs_start_in_order_while_cores_are_free() -> None:
    m = Machine(cores=2)
    for attempt in (1, 2, 3):
        m.run(attempt)
    assert list(m.jobs) == [1, 2]
    assert kinds(m.exit(2)) == ["Finished"]
    assert list(m.jobs) == [1, 3]
    assert m.jobs[3].slot == 1


def test_the_first_that_does_not_fit_holds_back_all_behind_it() -> None:
    m = Machine(cores=4)
    m.run(1, cores=3)
    m.run(2, cores=2)
    m.run(3, cores=1)
    assert list(m.jobs) == [1]
    m.exit(1)
    assert list(m.jobs) == [2, 3]


def test_all_cores_that_can_be_had() -> None:
    m = Machine(cores=8)
    m.run(1)
    m.run(2)
    m.run(3, cores=-1)
    m.run(4)
    assert list(m.jobs) == [1, 2]
    m.exit(1)
    assert m.jobs[3].cores == 7
    assert 4 not in m.jobs
    m.exit(2)
    assert m.jobs[4].cores == 1


def test_the_machine_alone() -> None:
    m = Machine(cores=4)
    m.run(1)
    m.run(2, cores=-2)
    m.run(3)
    assert list(m.jobs) == [1]
    m.exit(1)
    assert {k: p.cores for k, p in m.jobs.items()} == {2: 4}
    m.exit(2)
    assert list(m.jobs) == [3]


@pytest.mark.parametrize("cores", [5, 0, -3])
def test_what_no_machine_could_grant_is_refused(cores: int) -> None:
    (finished,) = Machine(cores=4).run(1, cores=cores)
    assert finished.outcome == Outcome.EXCEPTION
    assert "this machine has 4" in finished.failure.text


def test_declared_memory_is_never_exceeded_but_alone_everything_may_run() -> None:
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, memory_bytes=600)
    m.run(2, memory_bytes=600)
    m.run(3, memory_bytes=2000)
    m.run(4)
    assert list(m.jobs) == [1]
    m.exit(1)
    assert list(m.jobs) == [2]
    m.exit(2)
    assert list(m.jobs) == [3, 4]


def test_loaded_data_counts_as_memory() -> None:
    m = Machine(cores=4, memory_bytes=1000, data_bytes=900)
    m.run(1, job=10, loads=(5,))
    m.prepare(-1)
    m.run(2, memory_bytes=200)
    assert list(m.jobs) == [1]
    m.tell(Unload(5))
    assert list(m.jobs) == [1, 2]


def test_a_load_in_flight_holds_back_only_who_needs_it() -> None:
    m = Machine(cores=2)
    m.run(1, loads=(7,))
    m.run(2)
    m.run(3)
    assert list(m.jobs) == [-1, 2]
    m.exit(2)
    assert list(m.jobs) == [-1, 3]
    assert kinds(m.prepare(-1)) == ["Loaded"]
    assert list(m.jobs) == [3, 1]
    assert m.jobs[1].parent == 2


def test_loads_are_serial_and_in_order() -> None:
    m = Machine(cores=4)
    m.run(1, loads=(7, 8))
    m.run(2, loads=(9,))
    assert [p.job for p in m.jobs.values()] == [7]
    m.prepare(-1)
    assert [p.job for p in m.jobs.values()] == [8]
    m.prepare(-2)
    assert sorted((p.job, p.parent) for p in m.jobs.values()) == [(0, 3), (9, 3)]


def test_a_failed_load_retracts_its_askers_after_it_was_reported() -> None:
    m = Machine(cores=4)
    m.run(1, loads=(7,))
    m.run(2, loads=(7, 8))
    m.run(3, loads=(8,))
    assert m.fail(-1) == []
    failed, retracted = m.swept()
    assert (failed.job, failed.outcome) == (7, Outcome.LOST) or failed.failure is not None
    assert retracted.attempts == (1, 2)
    assert [p.job for p in m.jobs.values()] == [8]


def test_predecessors_retire_but_never_the_pristine_one() -> None:
    m = Machine()
    m.run(1, loads=(7, 8))
    m.prepare(-1)
    m.confirm()
    assert m.retired == set()
    m.prepare(-2)
    m.confirm()
    assert m.retired == {2}


def test_unloading_waits_for_the_successor_in_flight() -> None:
    m = Machine(cores=4)
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.run(2, loads=(8,))
    m.tell(Unload(7))
    assert not any(isinstance(i, do.UnloadData) for i in m.done)
    m.prepare(-2)
    assert do.UnloadData(3, 7) in m.done


def test_a_run_after_unload_loads_again() -> None:
    m = Machine(cores=4)
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.tell(Unload(7))
    m.run(2, loads=(7,))
    assert m.jobs[-2].job == 7
    m.tell(Unload(7))
    m.run(3, loads=(7,))
    m.prepare(-2)
    assert m.jobs[-3].job == 7  # unloaded as ordered, then loaded for attempts 2 and 3


def test_a_generator_is_finished_then_waits_for_its_indices() -> None:
    m = Machine(cores=1)
    m.run(1, job=4, generates=True)
    m.run(2, job=5)
    assert list(m.jobs) == [1]
    (finished,) = m.prepare(1)
    assert (finished.outcome, finished.generated) == (Outcome.OK, b"change")
    assert list(m.jobs) == [2]  # its core is free
    m.tell(define(1, 50, 51))
    m.exit(2)
    m.run(3, job=51)
    assert m.jobs[3].parent == 2
    assert m.tasks[2] == {50, 51}


def test_a_refused_generator_is_discarded() -> None:
    m = Machine()
    m.run(1, generates=True)
    m.prepare(1)
    m.tell(Cancel(1))
    assert m.deaths == [2]
    m.run(2)
    assert m.jobs[2].parent == 1


def test_a_failed_generator_is_finished_like_a_job() -> None:
    m = Machine()
    m.run(1, generates=True)
    m.fail(1)
    (finished,) = m.tell(on.Swept(((1, RAISED),), ()))
    assert finished.outcome == Outcome.EXCEPTION


def test_a_generator_that_dies_between_result_and_offer_is_lost() -> None:
    m = Machine()
    m.run(1, generates=True)
    m.fail(1, KILLED, MADE)
    (finished,) = m.tell(on.Swept(((1, MADE),), ()))
    assert finished.outcome == Outcome.LOST


def test_generators_wait_for_the_successors_place_without_blocking() -> None:
    m = Machine(cores=4)
    m.run(1, generates=True)
    m.run(2, generates=True)
    m.run(3)
    assert list(m.jobs) == [1, 3]
    m.prepare(1)
    assert list(m.jobs) == [3]
    m.tell(define(1))
    assert list(m.jobs) == [3, 2]


def test_an_unclean_end_is_swept_and_its_outputs_removed_before_it_is_told() -> None:
    m = Machine()
    m.run(1)
    assert m.exit(1, KILLED, DIED) == []
    (finished,) = m.swept()
    assert finished.outcome == Outcome.SIGNAL
    removed = m.done.index(do.RemoveOutputs(("/out",), False))
    assert removed < m.done.index(do.Send(finished))


def test_a_job_that_never_reached_its_callback_keeps_its_old_files() -> None:
    m = Machine()
    m.run(1)
    m.exit(1, KILLED, NOTHING)
    m.tell(on.Swept(((1, NOTHING),), ()))
    assert not any(isinstance(i, do.RemoveOutputs) for i in m.done)


def test_the_slot_of_a_process_that_survives_is_not_used_again() -> None:
    m = Machine(cores=1)
    m.run(1)
    m.exit(1, KILLED, DIED)
    m.tell(on.Swept(((1, DIED),), (4711,)))
    m.run(2)
    assert m.jobs[2].slot == 1


def test_results_are_kept_until_acknowledged_and_runs_are_idempotent() -> None:
    m = Machine()
    m.run(1)
    assert m.run(1) == []
    (finished,) = m.exit(1)
    assert m.run(1) == [finished]
    m.tell(Ack((1,)))
    m.run(1)
    assert list(m.jobs) == [1]  # forgotten: the MCP never does that


def test_retract_takes_back_only_what_has_not_started() -> None:
    m = Machine(cores=1)
    m.run(1)
    m.run(2)
    m.run(3)
    (retracted,) = m.tell(Retract((1, 3, 99)))
    assert retracted.attempts == (3,)
    m.exit(1)
    assert list(m.jobs) == [2]


def test_cancel() -> None:
    m = Machine(cores=1)
    m.run(1)
    m.run(2)
    assert kinds(m.tell(Cancel(2))) == ["Retracted"]
    m.tell(Cancel(1))
    assert m.doomed == {1}
    m.exit(1, KILLED, DIED)
    (finished,) = m.swept()
    assert finished.outcome == Outcome.CANCELLED


def test_losing_the_current_data_process() -> None:
    m = Machine(cores=4)
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.confirm()
    m.run(2, loads=(7,))
    lost = m.kill(2)[0]
    assert lost == DataLost((7,), (), lost.reason)
    m.run(3, loads=(7,))
    assert kinds(m.swept()) == ["Finished", "Finished"]
    assert {p.job: p.parent for p in m.jobs.values()} == {7: 1}


def test_who_waits_for_a_successor_that_dies_before_it_confirms_retires() -> None:
    m = Machine()
    m.run(1, loads=(7, 8))
    m.prepare(-1)
    m.confirm()
    m.prepare(-2)
    m.kill(3)
    assert m.retired == {2}


def test_losing_an_old_data_process_loses_its_jobs_only() -> None:
    m = Machine(cores=4)
    m.run(1)
    m.run(2, loads=(7,))
    m.prepare(-1)
    m.confirm()
    assert m.kill(1) == []  # the pristine one, and parent of attempt 1
    (finished,) = m.swept()
    assert (finished.attempt, finished.outcome) == (1, Outcome.LOST)
    assert list(m.jobs) == [2]
    assert 3 in m.data_processes


def test_a_load_that_is_lost_with_its_predecessor_is_reported_so_that_the_master_counts() -> None:
    m = Machine(cores=2)
    m.run(1, loads=(7,))
    m.kill(1)
    failed, retracted = m.swept()
    assert (failed.job, failed.outcome) == (7, Outcome.LOST)
    assert retracted.attempts == (1,)
    m.run(2, loads=(7,))
    assert m.jobs[-2].parent == 3
    m.settle()
    assert m.fates() == {1: 1, 2: 1}


def test_generated_jobs_that_wait_are_retracted_when_their_tasks_are_lost() -> None:
    m = Machine(cores=1)
    m.run(1, generates=True)
    m.prepare(1)
    m.tell(define(1, 50))
    m.confirm()
    m.run(2, job=3)
    m.run(3, job=50)
    m.run(4, job=4)
    lost, retracted = m.kill(2)
    assert lost.generators == (1,)
    assert retracted.attempts == (3,)


def test_an_offer_that_dies_is_reported() -> None:
    m = Machine()
    m.run(1, generates=True)
    m.prepare(1)
    (lost,) = m.kill(2)
    assert lost.generators == (1,)
    m.tell(define(1, 50))
    m.run(2)
    assert m.jobs[2].parent == 1


def test_what_finds_no_process_is_tried_again_until_there_is_one() -> None:
    m = Machine(cores=3)
    m.run(1)
    m.run(2)
    m.fork(1)
    assert m.refuse(2) == []
    for _ in range(20):
        assert 2 not in m.jobs
        assert m.wait(PAUSE_S) == []
        assert m.refuse(2) == [], "the end of the other one may help"
    m.wait(PAUSE_S)
    (started,) = m.fork(2)
    assert started.attempt == 2
    assert m.core.deadline() is None


def test_it_is_tried_again_at_once_when_something_ends() -> None:
    m = Machine(cores=2)
    for attempt in (1, 2):
        m.run(attempt)
    m.fork(1)
    m.refuse(2)
    assert 2 not in m.jobs
    m.exit(1)
    assert 2 in m.jobs


def test_what_finds_no_process_though_nothing_else_is_at_work_is_given_up_with_the_reason() -> None:
    m = Machine(cores=1)
    m.run(1)
    while not (said := m.refuse(1, "no process could be made: EAGAIN")):
        m.wait(PAUSE_S)
    (finished,) = said
    assert finished.outcome == Outcome.LOST
    assert "EAGAIN" in finished.failure.text
    assert m.now > PATIENCE_S
    m.wait(PAUSE_S)
    m.run(2, loads=(7,))
    assert kinds(m.refuse(-1)) == ["LoadFailed", "Retracted"]
    m.wait(PAUSE_S)
    m.run(3)
    m.fork(3)
    m.exit(3)
    m.run(4)
    assert m.refuse(4) == [], "there was one meanwhile: hope anew"


def test_of_several_that_find_no_process_none_gives_hope_to_the_others() -> None:
    m = Machine(cores=3)
    m.run(1)
    m.run(2, generates=True)
    m.run(3, loads=(7,))
    while m.fates().keys() != {1, 2, 3}:
        for key in list(m.jobs):
            m.refuse(key)
        m.wait(PAUSE_S)
        assert m.now < 100.0


def test_what_waits_for_a_process_can_be_retracted_cancelled_and_shut_down() -> None:
    m = Machine(cores=3)
    for attempt, end in ((1, Cancel(1)), (2, Retract((2,))), (3, Shutdown(""))):
        m.run(attempt)
        m.refuse(attempt)
        m.tell(end)
        assert not m.jobs
        m.wait(PAUSE_S)
    assert m.fates() == {1: 1, 2: 1}
    assert m.left


def test_what_is_killed_before_it_finds_no_process_is_cancelled() -> None:
    m = Machine()
    m.run(1)
    m.tell(Cancel(1))
    (finished,) = m.refuse(1)
    assert finished.outcome == Outcome.CANCELLED


def test_what_waited_for_a_process_is_forked_where_its_data_is_by_then() -> None:
    m = Machine(cores=3)
    m.run(1)
    m.refuse(1)
    m.run(2, loads=(7,))
    m.wait(PAUSE_S)
    m.refuse(1)
    m.prepare(-1)
    m.confirm()
    m.wait(PAUSE_S)
    assert m.jobs[1].parent == m.core.lineage.current == 2


def test_there_is_plenty_to_do_while_all_cores_are_busy_and_more_than_enough_can_start() -> None:
    m = Machine(cores=2)
    for attempt in range(1, 7):
        m.run(attempt)
    assert not m.core.has_plenty(2), "four wait for two cores"
    m.run(7)
    assert m.core.has_plenty(2)
    m.exit(1)
    assert not m.core.has_plenty(2)


def test_what_waits_for_data_or_for_its_turn_to_generate_keeps_no_core_busy() -> None:
    m = Machine(cores=2)
    for attempt in range(1, 10):
        m.run(attempt, loads=(7,))
    for attempt in range(10, 20):
        m.run(attempt, generates=True)
    m.run(20)
    assert list(m.jobs) == [-1, 20]
    assert not m.core.has_plenty(1)
    m.prepare(-1)
    assert m.core.has_plenty(1)


def test_there_is_no_plenty_where_a_wide_job_drains_the_machine() -> None:
    m = Machine(cores=4)
    m.run(1)
    m.run(2, cores=-2)
    for attempt in range(3, 20):
        m.run(attempt)
    assert list(m.jobs) == [1]
    assert not m.core.has_plenty(2)


def test_started_is_told_with_the_pid() -> None:
    m = Machine()
    m.run(1, cores=2)
    (started,) = m.tell(on.Forked(1, 4711))
    assert (started.attempt, started.cores, started.pid) == (1, 2, 4711)


def test_shutdown_kills_and_leaves_when_all_is_gone() -> None:
    m = Machine()
    m.run(1)
    m.run(2, generates=True)
    m.run(3)
    m.tell(Shutdown("enough"))
    assert m.doomed == {1, 2}
    assert not m.left
    m.settle()
    assert m.left


def test_shutdown_with_nothing_to_do_leaves_at_once_and_never_waits_for_ever() -> None:
    m = Machine()
    m.tell(Shutdown("enough"))
    assert m.left
    m = Machine()
    m.run(1)
    m.tell(Shutdown("enough"))
    deadline = m.core.deadline()
    assert deadline == m.now + SHUTDOWN_S
    m.now = deadline
    m.tell(on.Tick())
    assert m.left


def test_a_pristine_process_that_always_dies_ends_the_supervisor() -> None:
    m = Machine()
    for _ in range(20):
        if not m.left:
            m.kill(m.core.lineage.pristine)
    assert m.left


def test_tasks_by_chunk_are_not_for_an_embedded_supervisor() -> None:
    with pytest.raises(RemoteProtocolError):
        Machine().tell(define(0))


def test_the_heartbeat_names_attempts_loads_and_memory() -> None:
    m = Machine(cores=2)
    m.run(1, memory_bytes=10)
    m.run(2, loads=(7,))
    beat: Any = m.core.heartbeat()
    assert (beat.live, beat.loading, beat.memory_bytes) == ((2, 1), (7,), 10)


def test_usage_and_status_reach_the_result() -> None:
    m = Machine()
    m.run(1)
    (finished,) = m.exit(1, FAILED, RAISED)
    assert (finished.usage, finished.cores) == (USAGE, 1)
    assert do.KeepLogs(0, 1) in m.done


def test_a_load_is_charged_what_it_was_declared_to_take_else_what_was_measured() -> None:
    m = Machine(cores=4, memory_bytes=100, data_bytes=20)
    m.run(1, loads=(7, 8), loads_memory_bytes=(60, 0), memory_bytes=10)
    m.prepare(-1)
    m.confirm()
    m.prepare(-2)
    m.confirm()
    assert m.core.lineage.resident == {7: 60, 8: 20}
    m.run(2, memory_bytes=15)
    assert list(m.jobs) == [1], "10 + 60 + 20 are taken, 15 more do not fit"


def in_the_way(loads_memory_bytes: int = 500, **fields: Any) -> Machine:
    """Data 7 of 600 bytes is left over, and somebody needs 8."""
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, loads=(7,), loads_memory_bytes=(600,))
    m.prepare(-1)
    m.confirm()
    m.run(2, loads=(8,), loads_memory_bytes=(loads_memory_bytes,), **fields)
    return m


def lost(m: Machine) -> list[tuple[int, ...]]:
    return [message.jobs for message in m.said if isinstance(message, DataLost)]


def test_data_in_the_way_of_a_load_is_given_up_when_nothing_runs() -> None:
    m = in_the_way()
    assert list(m.jobs) == [1]
    m.exit(1)
    assert lost(m) == [(7,)]
    assert do.KillDataProcess(2) in m.done
    assert [(p.job, p.parent) for p in m.jobs.values()] == [(8, 1)]
    m.prepare(-2)
    assert list(m.jobs) == [2]
    assert m.core.lineage.resident == {8: 500}


def test_it_is_given_up_at_once_for_a_job_that_would_not_fit_after_its_load() -> None:
    m = in_the_way(300, memory_bytes=400)
    assert list(m.jobs) == [1, -2], "the load fits beside it as long as something runs"
    m.exit(1)
    m.prepare(-2)
    assert lost(m) == [(7, 8)]
    assert m.jobs == {}, "the predecessor of what was given up holds 7"
    assert m.retired == {2}
    m.kill(2)
    m.prepare(-3)
    assert [(p.key, p.parent) for p in m.jobs.values()] == [(2, 4)]
    m = in_the_way(300, memory_bytes=400, cores=-2)
    m.fail(-2)
    m.exit(1)
    m.swept()
    m.run(3, loads=(8,), loads_memory_bytes=(300,), memory_bytes=400)
    assert lost(m) == [(7,)], "not loaded beside data that is given up afterwards"


def test_data_in_the_way_of_a_job_is_given_up_and_loaded_again_for_others() -> None:
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, loads=(7, 8), loads_memory_bytes=(300, 300))
    m.prepare(-1)
    m.prepare(-2)
    m.confirm()
    m.confirm()
    m.run(2, loads=(8,), memory_bytes=700)
    m.run(3, loads=(7,), memory_bytes=300)
    m.kill(2)
    m.exit(1)
    assert lost(m) == [(7, 8)]
    m.prepare(-3)
    assert list(m.jobs) == [2]
    m.exit(2)
    assert [p.job for p in m.jobs.values()] == [7]
    m.prepare(-4)
    assert list(m.jobs) == [3], "7 and 8 fit beside this one"
    assert lost(m) == [(7, 8)]


def test_what_exceeds_the_machine_with_its_own_data_runs_without_that_of_others() -> None:
    m = in_the_way(memory_bytes=700)
    m.exit(1)
    assert lost(m) == [(7,)]
    m.prepare(-2)
    assert list(m.jobs) == [2]
    assert m.core.heartbeat().memory_bytes == 1200


def test_what_was_unloaded_takes_memory_as_long_as_a_data_process_holds_it() -> None:
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, loads=(7,), loads_memory_bytes=(600,))
    m.prepare(-1)
    m.confirm()
    m.run(2, loads=(8,), loads_memory_bytes=(100,))
    m.tell(Unload(7))
    m.run(3, memory_bytes=500)
    assert list(m.jobs) == [1, -2], "it is unloaded when the successor is made"
    m.prepare(-2)
    assert do.UnloadData(3, 7) in m.done
    m.confirm()
    m.exit(1)
    assert list(m.jobs) == [2]
    assert m.core.heartbeat().data_bytes == 700
    m.kill(2)
    assert m.core.heartbeat().data_bytes == 100
    assert list(m.jobs) == [2, 3]


def test_what_was_lost_takes_memory_as_long_as_a_data_process_holds_it() -> None:
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, loads=(7,), loads_memory_bytes=(600,))
    m.prepare(-1)
    m.confirm()
    m.run(2, loads=(8,), loads_memory_bytes=(100,))
    m.prepare(-2)
    m.exit(1)
    m.exit(2)
    m.kill(3)
    m.run(3, memory_bytes=500)
    assert m.jobs == {}
    assert m.retired == {2}
    m.kill(2)
    assert list(m.jobs) == [3]


def test_no_data_is_given_up_for_what_declares_no_memory_or_needs_more_than_memory() -> None:
    m = in_the_way(0)
    m.exit(1)
    assert [p.job for p in m.jobs.values()] == [8]
    m.prepare(-2)
    m.run(3)
    assert list(m.jobs) == [2, 3]
    assert lost(m) == []


def test_data_is_not_given_up_while_a_generator_waits_or_with_its_tasks() -> None:
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, loads=(7,), loads_memory_bytes=(600,), generates=True)
    m.prepare(-1)
    m.prepare(1)
    m.run(2, memory_bytes=500)
    assert list(m.jobs) == []
    m.tell(define(1, 100))
    assert list(m.jobs) == [2], "else its generator would have to run again"
    assert lost(m) == []
    m = Machine(cores=4, memory_bytes=1000)
    m.run(1, loads=(7,), loads_memory_bytes=(600,), generates=True)
    m.prepare(-1)
    m.prepare(1)
    m.run(2, memory_bytes=500)
    m.tell(Cancel(1))
    assert list(m.jobs) == [2]
    assert lost(m) == [(7,)]
