"""The supervisor core in a cluster: limits, parts of the task stream, lease, drain."""

from __future__ import annotations

import pytest
from cluster_machine import ClusterMachine
from cs_machine import kinds
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cs_core_random import Events

from ppg_cs import instructions as do
from ppg_cs.events import Tick
from ppg_cs.slave.cluster_events import Drain
from ppg_cs.slave.exits import LEASE_OVER, UNFIT
from ppg_protocol.cluster_messages import Unfit
from ppg_protocol.errors import RemoteProtocolError
from ppg_protocol.messages import Ack, Cancel, DataLost, Define, Heartbeat, Retracted
from ppg_protocol.records import AwaitedFile, Blob


def whole(cores: int = 2) -> ClusterMachine:
    """With a limit that is the machine."""
    m = ClusterMachine(cores)
    m.limit(cores)
    return m


def test_nothing_starts_before_there_is_a_limit() -> None:
    m = ClusterMachine()
    m.run(1)
    assert (m.jobs, m.holds) == ({}, [])
    m.limit(1)
    assert list(m.jobs) == [1]
    assert m.holds == [do.Hold(1, 1, 1000)]


def test_holding_follows_what_is_taken_down_to_the_limit() -> None:
    m = whole(4)
    for attempt in (1, 2, 3):
        m.run(attempt, memory_bytes=200)
    m.holds.clear()
    m.limit(1, 300)
    m.exit(1)
    m.exit(2)
    m.exit(3)
    assert m.holds == [do.Hold(2, 3, 600), do.Hold(2, 2, 400), do.Hold(2, 1, 300)]


def test_a_lowered_limit_is_reached_however_many_short_jobs_wait() -> None:
    m = whole(4)
    for attempt in range(1, 41):
        m.run(attempt)
    assert len(m.reliefs) == 4
    m.limit(1)
    for _ in range(3):
        m.exit(next(iter(m.jobs)))
    assert len(m.jobs) == 1
    assert m.holds[-1].cores == 1
    assert len(m.reliefs) == 1, "from then on as before"


def test_memory_that_was_booked_ahead_is_given_back_with_a_lowered_limit() -> None:
    m = whole()
    for attempt in range(1, 9):
        m.run(attempt, memory_bytes=150)
    assert len(m.reliefs) == 2
    m.limit(2, 440)
    m.hear(1)
    assert m.holds[-1] == do.Hold(2, 2, 440)
    assert not m.reliefs, "there is no place for them"


def test_a_job_without_declared_memory_is_not_refused_for_lack_of_it() -> None:
    m = ClusterMachine()
    m.limit(2, 0)
    m.run(1)
    assert list(m.jobs) == [1]


def test_declared_memory_waits_for_its_share_even_alone() -> None:
    m = ClusterMachine()
    m.limit(2, 500)
    m.run(1, memory_bytes=600)
    assert m.jobs == {}
    m.limit(2, 600)
    assert list(m.jobs) == [1]


def test_more_than_the_machine_has_starts_alone_on_all_of_it() -> None:
    m = whole()
    m.run(1, memory_bytes=5000)
    assert list(m.jobs) == [1]


def test_the_machine_alone_gets_the_limit() -> None:
    m = ClusterMachine(4)
    m.limit(3)
    m.run(1, cores=-2)
    assert m.jobs[1].cores == 3


def test_all_cores_want_a_limit_of_all_but_one() -> None:
    m = ClusterMachine(4)
    m.limit(2)
    m.run(1, cores=-1)
    assert m.jobs == {}
    m.limit(3)
    assert m.jobs[1].cores == 3


def test_a_load_waits_for_the_files_of_who_wants_it() -> None:
    m = whole()
    files = (AwaitedFile("/f", 1, 2, "host"),)
    m.run(1, loads=(7,), await_files=files)
    assert [i.await_files for i in m.done if isinstance(i, do.StartSuccessor)] == [files]


def test_heartbeats_tell_what_the_data_takes() -> None:
    m = whole()
    m.run(1, loads=(7,))
    m.prepare(-1)
    assert m.core.heartbeat() == Heartbeat((1,), (), 100, 100)


def test_data_is_given_up_where_the_session_has_no_core_any_more() -> None:
    m = whole()
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.holds.clear()
    m.limit(0, 0)
    assert m.holds == [do.Hold(2, 1, 100)]
    m.exit(1)
    assert m.holds[-1] == do.Hold(2, 0, 0)
    assert [message.jobs for message in m.said if isinstance(message, DataLost)] == [(7,)]


def test_data_is_given_up_with_all_that_hold_it() -> None:
    m = whole()
    m.run(1, loads=(7, 8))
    m.prepare(-1)
    m.confirm()
    m.limit(0, 0)
    m.prepare(-2)
    assert do.KillDataProcess(3) in m.done
    assert m.retired == {2}


def test_what_is_given_up_is_loaded_again() -> None:
    m = whole()
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.exit(1)
    m.limit(0, 0)
    m.run(2, loads=(7,))
    m.limit(2)
    assert [i.job for i in m.done if isinstance(i, do.StartSuccessor)] == [7, 7]


def test_data_in_the_way_is_given_up_only_for_what_can_start_then() -> None:
    m = whole()
    m.run(1, loads=(7,), loads_memory_bytes=(400,))
    m.prepare(-1)
    m.exit(1)
    m.confirm()
    m.limit(2, 700)
    m.run(2, loads=(8,), loads_memory_bytes=(300,), memory_bytes=500)
    m.prepare(-2)
    assert not any(isinstance(message, DataLost) for message in m.said)
    assert not m.jobs
    m.limit(2, 800)
    assert [message.jobs for message in m.said if isinstance(message, DataLost)] == [(7, 8)]
    assert m.holds[-1] == do.Hold(m.limits, 2, 800)
    m.kill(2)
    m.prepare(-3)
    assert list(m.jobs) == [2]
    assert m.holds[-1] == do.Hold(m.limits, 2, 800)


def test_data_is_not_given_up_for_a_job_that_has_no_cores() -> None:
    m = whole()
    m.run(1, loads=(7,), loads_memory_bytes=(400,))
    m.prepare(-1)
    m.exit(1)
    m.limit(1)
    m.run(2, cores=2, memory_bytes=700)
    assert not any(isinstance(message, DataLost) for message in m.said)
    m.limit(2)
    assert list(m.jobs) == [2]
    assert m.core.lineage.resident == {}


def test_parts_go_to_the_pristine_and_the_current_data_process() -> None:
    m = whole()
    m.define(1, 2)
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.define(3)
    assert m.parts == {1: {0, 1}, 2: {0, 1}}


def test_a_successor_catches_up_when_it_takes_over() -> None:
    m = whole()
    m.run(1, loads=(7,))
    m.define(1)
    assert m.parts[2] == set()
    m.prepare(-1)
    orders = [do.FeedParts(2, ((0, (1,)),)), do.TakeOver(2)]
    assert [i for i in m.done if i in orders] == orders


def test_a_pristine_data_process_that_is_made_anew_gets_all_parts() -> None:
    m = whole()
    m.define(1)
    m.define(2)
    m.kill(1)
    assert m.parts[2] == {0, 1}


def test_a_part_that_is_said_again_is_there_already() -> None:
    m = whole()
    m.define(1)
    assert m.tell(Define(0, (1,), Blob(b"B"), 0)) == []
    assert len(m.known) == 1


def test_generated_tasks_are_there_where_they_were_made_and_fed_elsewhere() -> None:
    m = whole()
    m.run(1, generates=True)
    (finished,) = m.prepare(1)
    assert finished.chunk == b"G"
    m.tell(Define(1, (5,), Blob(b"")))
    assert m.known == {0: b"G"}
    assert [i for i in m.done if isinstance(i, do.FeedParts | do.DefineTasks)] == [
        do.FeedParts(1, ((0, (5,)),)),
        do.DefineTasks(2, (5,), 0),
    ]


def test_an_offer_that_is_lost_is_defined_all_the_same() -> None:
    m = whole()
    m.run(1, generates=True)
    m.prepare(1)
    assert m.kill(2) == []
    m.tell(Define(1, (5,), Blob(b"")))
    assert m.parts[1] == {0}
    m.run(2, job=5)
    assert list(m.jobs) == [2]


def test_generated_tasks_are_not_lost_with_the_data() -> None:
    m = whole()
    m.run(1, loads=(7,))
    m.prepare(-1)
    m.exit(1)
    m.confirm()
    m.run(2, generates=True)
    m.prepare(2)
    m.tell(Define(2, (5,), Blob(b"")))
    m.run(3, cores=2)
    m.run(4, job=5)
    said = m.kill(3)
    assert [message for message in said if isinstance(message, DataLost)] == [
        DataLost((7,), (), "its data process ended with wait status 9")
    ]
    assert not [message for message in said if isinstance(message, Retracted)]
    m.swept()
    assert 4 in m.jobs


def test_a_generator_that_was_refused_leaves_no_part() -> None:
    m = whole()
    m.run(1, generates=True)
    m.prepare(1)
    m.tell(Cancel(1))
    with pytest.raises(RemoteProtocolError, match="attempt 1 made none here"):
        m.tell(Define(1, (5,), Blob(b"")))


def test_what_has_come_after_the_lease_is_not_obeyed() -> None:
    m = ClusterMachine(lease_s=10.0)
    m.limit(1)
    m.core.confirm(5.0)
    assert m.core.deadline() == 15.0
    assert not m.core.is_lost(14.9)
    assert m.core.is_lost(15.0)
    m.now = 14.0
    m.run(1)
    assert m.core.handle(Tick(), 15.0)[-1] == do.Leave(LEASE_OVER)


def test_draining_retracts_what_waits_and_leaves_when_all_is_acknowledged() -> None:
    m = whole()
    for attempt in (1, 2, 3):
        m.run(attempt)
    assert m.tell(Drain()) == [Retracted((3,))]
    assert m.run(4) == [Retracted((4,))]
    m.exit(1)
    m.exit(2)
    assert not m.left
    m.tell(Ack((1, 2)))
    assert m.left


def test_an_unfit_machine_says_so_and_leaves() -> None:
    m = whole()
    m.run(1)
    unfit = Unfit("m", "no module")
    assert m.tell(unfit) == [unfit]
    assert m.doomed == {1}
    m.settle()
    assert m.done[-1] == do.Leave(UNFIT)


def test_data_processes_that_keep_dying_make_it_unfit() -> None:
    m = whole()
    said = []
    while not m.left:
        said += m.kill(max(m.data_processes))
    assert kinds(said) == ["Unfit"]
    assert m.done[-1] == do.Leave(UNFIT)


@settings(max_examples=300)
@given(data=st.data(), cores=st.integers(1, 4))
def test_limits_are_kept_and_every_run_has_one_end_whatever_happens(data: st.DataObject, cores: int) -> None:
    m = ClusterMachine(cores)
    events = Events(m, data)
    for _ in range(data.draw(st.integers(0, 40))):
        what = data.draw(st.integers(0, 5))
        if what == 0:
            m.limit(data.draw(st.integers(0, cores)), data.draw(st.sampled_from([0, 300, 1000])))
        elif what == 1:
            m.define(len(m.known))
        else:
            events.happen()
        assert all(count == 1 for count in m.fates().values()), "two ends"
        if m.holds:
            admission = m.core.admission
            assert m.holds[-1].cores == max(admission.limit_cores, admission.cores_taken)
    m.limit(cores)
    m.settle()
    assert m.fates() == dict.fromkeys(events.attempts, 1), "somebody waits for ever"
    assert m.holds[-1] == do.Hold(m.limits, cores, max(1000, m.core.lineage.loaded_bytes))
