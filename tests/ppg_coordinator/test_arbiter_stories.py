"""Stories of the arbiter: events in, shares out, then the check of the whole state (`Cluster` does it after every
event)."""

from __future__ import annotations

import pytest
from arbiter_cluster import GB, Cluster

from ppg_coordinator.events import Demand, Elapsed, Held, MachineJoined, SessionOpened, Shape, Shares

NARROW = (1, 0)


def test_embedded_one_message_for_the_whole_machine_and_never_another() -> None:
    here = Cluster(("here", 8, 64 * GB))
    here.open("only")
    assert here.told == []
    assert here.demand("only", (*NARROW, 1)) == [Shares("only", 1, (("here", 8, 64 * GB),))]
    for step in range(200):
        here.now += 0.003
        here.demand("only", (*NARROW, step % 17), (4, 3 * GB, step % 3), (-1, 0, step % 2))
        here.advance(0.01)
    here.demand("only")
    here.advance(100)
    here.demand("only", (*NARROW, 3))
    here.advance(100)
    assert len(here.told) == 1
    assert here.arbiter.deadline() is None


def test_the_largest_machines_are_those_that_no_other_exceeds_in_both() -> None:
    sizes = {"a": (8, 64), "b": (8, 32), "c": (4, 128), "d": (2, 100), "e": (16, 1)}
    cluster = Cluster(*((name, cores, memory) for name, (cores, memory) in sizes.items()))
    cluster.open("s")
    assert cluster.arbiter.largest("s") == [(16, 1), (8, 64), (4, 128)]
    assert cluster.arbiter.largest("unknown") == []


def test_what_a_session_still_holds_is_handed_out_when_it_said_so() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    first = cluster.open("first")
    cluster.demand("first", (*NARROW, 100))
    cluster.read()
    cluster.fill()
    second = cluster.open("second")
    cluster.now = 1.0
    (lowered,) = cluster.demand("second", (*NARROW, 100))
    assert (lowered.session, lowered.number, lowered.machines[0][:2]) == ("first", 2, ("m", 4))
    cluster.read()
    assert cluster.cores() == {"first": 4, "second": 0}
    first.finish("m", 1)
    cluster.advance(0.2)
    assert cluster.cores() == {"first": 4, "second": 1}
    first.finish("m", 1)
    first.finish("m", 2)
    cluster.advance(0.2)
    assert cluster.cores() == {"first": 4, "second": 4}
    assert second.number == 2


def test_a_late_held_does_not_release_what_was_lowered_after_it() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    cluster.open("first")
    cluster.demand("first", (*NARROW, 100))
    cluster.read()
    cluster.fill()
    cluster.open("second")
    cluster.now = 1.0
    cluster.demand("second", (*NARROW, 100))
    assert not cluster.send(Held("first", 1, "m", 0, 0))
    cluster.now = 2.0
    assert not cluster.send(Elapsed())
    cluster.now = 3.0
    out = cluster.send(Held("first", 2, "m", 4, 0))
    assert [(shares.session, shares.machines[0][1]) for shares in out] == [("second", 4)]


def test_users_first_then_their_pipegraphs() -> None:
    cluster = Cluster(*[(f"m{index}", 6, 64 * GB) for index in range(4)])
    for session, user in (("a1", "ada"), ("a2", "ada"), ("a3", "ada"), ("b", "bob")):
        cluster.open(session, user)
        cluster.demand(session, (*NARROW, 100))
    cluster.settle()
    assert cluster.cores() == {"a1": 4, "a2": 4, "a3": 4, "b": 12}
    cluster.close("b")
    cluster.settle()
    assert cluster.cores() == {"a1": 8, "a2": 8, "a3": 8}


def test_who_wants_little_gets_it_and_the_rest_goes_to_who_can_use_it() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    for session, count in (("little", 2), ("much", 50), ("more", 500)):
        cluster.open(session)
        cluster.demand(session, (*NARROW, count))
    cluster.settle()
    assert cluster.cores() == {"little": 2, "much": 7, "more": 7}


def test_a_job_of_four_cores_gets_four_on_one_machine() -> None:
    cluster = Cluster(*[(f"m{index}", 6, 64 * GB) for index in range(4)])
    cluster.open("narrow")
    cluster.demand("narrow", (*NARROW, 100))
    cluster.open("fours")
    cluster.demand("fours", (4, 0, 100))
    cluster.settle()
    assert sorted(cluster.shares()["fours"].values()) == [4, 4, 4]
    assert cluster.cores()["narrow"] == 12


def test_memory_above_a_cores_share_counts_as_cores() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    cluster.open("fat")
    cluster.open("thin")
    cluster.demand("thin", (*NARROW, 100))
    cluster.demand("fat", (1, 16 * GB, 100))
    cluster.settle()
    assert cluster.cores() == {"fat": 4, "thin": 4}
    assert cluster.sessions["fat"].share["m"][1] >= 32 * GB


def test_loaded_data_is_charged_once_per_machine() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    for session in ("a", "b"):
        cluster.open(session)
        cluster.demand(session, (1, 2 * GB, 100), data_bytes=40 * GB)
    cluster.settle()
    assert cluster.cores() == {"a": 8, "b": 8}
    assert all(len(machines) == 1 for machines in cluster.shares().values())
    assert all(
        session.share[machine][1] >= 56 * GB for session in cluster.sessions.values() for machine in session.share
    )


def test_a_small_machine_is_shared_out_to_jobs_that_need_no_data() -> None:
    """One session alone, then beside another."""
    cluster = Cluster(("small", 4, 8 * GB), ("large", 4, 64 * GB))
    cluster.open("data")
    cluster.send(Demand("data", (Shape(1, GB, 100, 40 * GB), Shape(1, GB, 100)), (("large", 40 * GB),)))
    cluster.settle()
    assert cluster.shares()["data"] == {"small": 4, "large": 4}
    cluster.open("other")
    cluster.demand("other", (1, GB, 100))
    cluster.settle()
    assert cluster.cores() == {"data": 4, "other": 4}
    cluster.send(Demand("data", (Shape(1, GB, 100, 40 * GB),), (("large", 40 * GB),)))
    cluster.advance(5)
    cluster.settle()
    assert cluster.shares()["data"] == {"large": 4}, "there is nothing for it to do on the small one"


def test_data_that_fits_nowhere_holds_nothing_that_others_need() -> None:
    cluster = Cluster(("m", 4, 8 * GB))
    data = cluster.open("data")
    cluster.demand("data", (1, GB, 4))
    cluster.settle()
    data.running["m"] = (0, 5 * GB)
    cluster.send(Demand("data", (Shape(1, 4 * GB, 4, 5 * GB),), (("m", 5 * GB),)))
    data.say("m")
    cluster.open("other")
    cluster.demand("other", (1, 4 * GB, 1))
    cluster.advance(5)
    assert cluster.shares() == {"data": {}, "other": {}}, "the supervisor gives up data where it has no core"
    data.running["m"] = (0, 0)
    data.say("m")
    cluster.settle()
    assert cluster.cores()["other"] >= 1
    cluster.demand("other")
    cluster.advance(5)
    assert cluster.cores()["data"] == 0, "its jobs fit no machine"


def test_data_of_others_jobs_leaves_room_for_a_large_job_on_the_whole_machine() -> None:
    """What is loaded and the job exceed the machine, the job and its own data do not: it is to run alone."""
    cluster = Cluster(("m", 4, 8 * GB))
    data = cluster.open("data")
    cluster.open("other")
    cluster.demand("other", (1, GB, 100))
    data.running["m"] = (0, 6 * GB)
    data.say("m")
    cluster.send(Demand("data", (Shape(1, 4 * GB, 1, 2 * GB),), (("m", 6 * GB),)))
    for _ in range(40):
        cluster.advance(0.5)
        if data.share.get("m", (0, 0))[1] == 8 * GB:
            return
        cluster.give_back()
    raise AssertionError(f"{cluster.shares()}: {cluster.arbiter.why_waiting('data', str)}")


@pytest.mark.parametrize("shape", [(1, GB), (-1, 0), (-2, 0)])
def test_a_turn_does_not_wait_for_the_data_of_its_own_session_to_go(shape: tuple[int, int]) -> None:
    """Nothing runs of the session that has loaded 6 GB there; the other one streams."""
    cluster = Cluster(("m", 4, 10 * GB))
    data, stream = cluster.open("data"), cluster.open("stream")
    cluster.demand("stream", (1, 2 * GB, 100))
    data.running["m"] = (0, 6 * GB)
    data.say("m")
    cluster.demand("data", (*shape, 4), loaded=(("m", 6 * GB),))
    needed = {1: (1, 7 * GB), -1: (3, 6 * GB), -2: (4, 6 * GB)}[shape[0]]
    for _ in range(40):
        cluster.advance(0.5)
        cores, memory = data.share.get("m", (0, 0))
        if cores >= needed[0] and memory >= needed[1]:
            return
        stream.finish("m", 1)
        cores, memory = stream.share.get("m", (0, 0))
        stream.start("m", cores, min(memory, stream.running.get("m", (0, 0))[1] + 2 * GB))
        cluster.check()
    raise AssertionError(f"{cluster.shares()}: {cluster.arbiter.why_waiting('data', str)}")


@pytest.mark.parametrize("shape", [(1, 3 * GB), (-1, 0)])
def test_a_turn_begins_once_its_session_says_that_what_it_holds_is_data(shape: tuple[int, int]) -> None:
    """A supervisor says what it holds before the pipegraph says that it is data, and nothing else changes then."""
    cluster = Cluster(("m", 4, 10 * GB))
    data, other = cluster.open("data"), cluster.open("other")
    for session, held in ((data, (0, 6 * GB)), (other, (1, GB))):
        session.running["m"] = held
        session.say("m")
    cluster.demand("data", (*shape, 1), data_bytes=6 * GB)
    cluster.advance(0.5)
    cluster.demand("other", (1, 4 * GB, 5))
    cluster.advance(5)
    assert not cluster.shares()["data"], "6 GB of what it holds may be anything"
    cluster.demand("data", (*shape, 1), data_bytes=6 * GB, loaded=(("m", 6 * GB),))
    cluster.advance(1)
    assert cluster.shares()["data"], cluster.arbiter.why_waiting("data", str)


def test_a_lull_in_the_demand_moves_nothing_a_lasting_one_does() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for session in ("a", "b"):
        cluster.open(session)
        cluster.demand(session, (*NARROW, 100))
    cluster.settle()
    before = len(cluster.told)
    for _ in range(20):
        cluster.demand("a", (*NARROW, 1))
        cluster.advance(0.3)
        cluster.demand("a", (*NARROW, 100))
        cluster.advance(0.3)
    assert len(cluster.told) == before
    cluster.demand("a", (*NARROW, 1))
    cluster.settle()
    assert cluster.cores() == {"a": 1, "b": 7}


def test_a_demand_that_sinks_lowers_nothing_while_nobody_wants_it() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for session in ("a", "b"):
        cluster.open(session)
        cluster.demand(session, (*NARROW, 4))
    cluster.settle()
    before = len(cluster.told)
    cluster.demand("a", (*NARROW, 1))
    cluster.settle()
    cluster.demand("a", (*NARROW, 4))
    cluster.settle()
    assert len(cluster.told) == before


def test_a_wide_job_gets_one_drained_machine_while_narrow_ones_go_on_elsewhere() -> None:
    cluster = Cluster(*[(f"m{index}", 8, 64 * GB) for index in range(8)])
    narrow = cluster.open("narrow")
    cluster.demand("narrow", (*NARROW, 1000))
    cluster.read()
    cluster.fill()
    wide = cluster.open("wide")
    cluster.now = 1.0
    cluster.demand("wide", (-2, 0, 3))
    cluster.read()
    assert len(narrow.share) == 7, "one machine drains at a time"
    (drained,) = set(narrow.running) - set(narrow.share)
    assert wide.share == {}
    narrow.finish(drained, 5)
    cluster.advance(0.2)
    assert wide.share == {}, "all or nothing"
    narrow.finish(drained)
    cluster.advance(0.2)
    assert wide.share == {drained: (8, 64 * GB)}
    assert len(narrow.share) == 6, "then the next one drains"
    cluster.settle()
    assert cluster.cores() == {"narrow": 40, "wide": 24}


def test_a_minus_one_job_starts_beside_one_busy_core() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    narrow = cluster.open("narrow")
    cluster.demand("narrow", (*NARROW, 1000))
    cluster.read()
    cluster.fill()
    wide = cluster.open("wide")
    cluster.demand("wide", (-1, 0, 1))
    cluster.advance(0.2)
    narrow.finish("m", 6)
    cluster.advance(0.2)
    assert cluster.cores()["wide"] == 0
    narrow.finish("m", 1)
    cluster.advance(0.2)
    assert wide.share["m"][0] == 7


def test_on_one_machine_wide_and_narrow_take_turns() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    narrow, wide = cluster.open("narrow"), cluster.open("wide")
    cluster.demand("narrow", (*NARROW, 1000))
    cluster.advance(1)
    cluster.fill()
    started: list[str] = []
    cluster.demand("wide", (-2, 0, 5))
    for _ in range(4):
        cluster.advance(5.0)
        narrow.finish("m")
        cluster.advance(0.3)
        assert cluster.cores() == {"narrow": 0, "wide": 8}
        cluster.fill()
        started.append("wide")
        cluster.advance(20.0)
        assert cluster.cores() == {"narrow": 0, "wide": 0}, "it is let finish, then it's the others' turn"
        wide.finish("m")
        cluster.advance(0.3)
        assert cluster.cores() == {"narrow": 8, "wide": 0}
        cluster.fill()
        started.append("narrow")
    assert started == ["wide", "narrow"] * 4


def test_wide_jobs_are_served_by_age() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    narrow = cluster.open("narrow")
    cluster.demand("narrow", (*NARROW, 1000))
    cluster.advance(1)
    cluster.fill()
    for name in ("young", "old"):
        cluster.open(name)
    cluster.demand("old", (-2, 0, 1))
    cluster.advance(1)
    cluster.demand("young", (-2, 0, 1))
    cluster.advance(3)
    narrow.finish("m")
    cluster.advance(0.3)
    assert cluster.cores() == {"narrow": 0, "young": 0, "old": 8}


def test_a_job_larger_than_a_fair_share_gets_its_turn() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for session in ("a", "b", "c"):
        cluster.open(session)
        cluster.demand(session, (*NARROW, 100))
    cluster.settle()
    cluster.fill()
    big = cluster.open("big")
    cluster.demand("big", (6, 0, 1))
    cluster.advance(1)
    for session in ("a", "b", "c"):
        cluster.sessions[session].finish("m")
    cluster.advance(0.3)
    assert big.share["m"][0] == 6


def test_a_drained_machine_is_left_and_comes_back() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    for session in ("a", "b"):
        cluster.open(session)
        cluster.demand(session, (*NARROW, 100))
    cluster.settle()
    cluster.drain("m0")
    cluster.settle()
    assert cluster.shares() == {"a": {"m1": 4}, "b": {"m1": 4}}
    cluster.drain("m0", False)
    cluster.settle()
    assert cluster.cores() == {"a": 8, "b": 8}


def test_a_lost_machine_is_replaced_by_what_is_left() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    for session in ("a", "b"):
        cluster.open(session)
        cluster.demand(session, (*NARROW, 100))
    cluster.settle()
    cluster.leave("m0")
    cluster.settle()
    assert cluster.shares() == {"a": {"m1": 4}, "b": {"m1": 4}}


def test_a_machine_that_shrinks_gets_nothing_new_until_it_fits() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for session in ("a", "b"):
        cluster.open(session)
        cluster.demand(session, (*NARROW, 100))
    cluster.settle()
    cluster.machines["m"] = (4, 32 * GB)
    cluster.send(MachineJoined("m", 4, 32 * GB))
    cluster.settle()
    assert cluster.cores() == {"a": 2, "b": 2}


def test_restarted_it_listens_first_and_starts_from_what_is_held() -> None:
    cluster = Cluster(("m", 8, 64 * GB), grace_until=30.0)
    for session in ("a", "b", "new"):
        cluster.open(session)
    cluster.send(Held("a", 0, "m", 6, 0))
    cluster.send(Held("b", 0, "late", 3, 0))
    for session in ("a", "b", "new"):
        cluster.demand(session, (*NARROW, 100))
    cluster.advance(10)
    cluster.join("late", 4)
    cluster.advance(10)
    assert cluster.told == []
    assert cluster.arbiter.deadline() == 30.0
    cluster.sessions["a"].running["m"] = (6, 0)
    cluster.sessions["b"].running["late"] = (3, 0)
    cluster.advance(10.0)
    assert cluster.cores() == {"a": 4, "b": 4, "new": 2}, "what is free, at once"
    cluster.now += 1
    cluster.send(Held("a", 1, "m", 4, 0))
    cluster.settle()
    assert cluster.cores() == {"a": 4, "b": 4, "new": 4}


def test_a_session_that_connects_again_is_told_its_shares_again() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    cluster.open("a")
    cluster.demand("a", (*NARROW, 1))
    cluster.now = 1.0
    (shares,) = cluster.send(SessionOpened("a", "a"))
    assert shares == Shares("a", 2, (("m", 8, 64 * GB),))


def test_a_job_that_fits_nowhere_gets_nothing_and_harms_nobody() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for session in ("a", "huge"):
        cluster.open(session)
    cluster.demand("huge", (9, 0, 1), (1, 65 * GB, 1))
    cluster.demand("a", (*NARROW, 100))
    cluster.settle()
    assert cluster.cores() == {"a": 8, "huge": 0}


def test_strangers_are_ignored() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    assert cluster.arbiter.handle(Demand("nobody", (Shape(1, 0, 1),)), 0.0) == []
    assert cluster.arbiter.handle(Held("nobody", 3, "m", 1, 1), 0.0) == []
    assert cluster.arbiter.handle(Held("nobody", 3, "nowhere", 1, 1), 0.0) == []
