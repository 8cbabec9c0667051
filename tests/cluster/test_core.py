"""The master's side of a cluster: events in, instructions out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ppg_mcp.cluster import events as on
from ppg_mcp.cluster.comparison import misfit
from ppg_mcp.cluster.core import ClusterCore, Surroundings
from ppg_mcp.cluster.loss import Lose
from ppg_mcp.dispatcher import MachineShare
from ppg_protocol.cluster_messages import (
    Cleared,
    Demand,
    DemandedShape,
    Exclude,
    Farewell,
    LoadedData,
    OpenSession,
    Prepare,
    Share,
    Shares,
    SupervisorEnded,
    Unfit,
)
from ppg_protocol.messages import Define, Heartbeat, Ready, Retracted
from ppg_protocol.records import Blob, Distribution

LEASE_S, MARGIN_S = 60.0, 15.0
GB = 1 << 30
US = Ready("m0", "head", 1, 8, 16 * GB, "3.12.1", "1.0", "3.1", "/py", 0, (Distribution("numpy", "2.0"),))
OPEN = OpenSession("s", 3, "/project", "tcp://10.0.0.1:7000")
PREPARE = Prepare("/project", "/project/n", b"n", "/py", "/project", 0o22, (), (), (), "", 0)


class World:
    """A core, and what it said last."""

    def __init__(self, *older: str) -> None:
        self.now = 100.0
        self.core = ClusterCore(
            Surroundings(OPEN, PREPARE, [b"B0", b"B1"], US, frozenset(older), LEASE_S, MARGIN_S), self.now
        )

    def say(self, event: on.Event) -> list[on.Instruction]:
        out = self.core.handle(event, self.now)
        self.core.sanity_check()
        return out

    def shares(self, *shares: Share, note: str = "") -> list[on.Instruction]:
        return self.say(on.CoordinatorSaid(Shares(1, shares, note)))

    def ready(self, peer: bytes, machine: str, pid: int = 7, **facts: object) -> list[on.Instruction]:
        self.say(on.PeerCame(peer, f"host-{machine}"))
        ready = replace(US, machine_id=machine, host=f"host-{machine}", pid=pid, **facts)  # type: ignore[arg-type]
        return self.say(on.PeerSaid(peer, ready))

    def pass_time(self, seconds: float) -> list[on.Instruction]:
        self.now += seconds
        return self.say(on.Elapsed())


def share(machine: str, cores: int = 4) -> Share:
    return Share(machine, f"host-{machine}", cores, GB, 8, 16 * GB)


def grants(out: list[on.Instruction]) -> list[tuple[str, int]]:
    return [(i.share.machine, i.share.cores) for i in out if isinstance(i, on.Grant)]


def warnings(out: list[on.Instruction]) -> list[str]:
    return [i.text for i in out if isinstance(i, on.Say) and i.warning]


def only(kind: type, out: list[on.Instruction]) -> list[object]:
    return [i for i in out if isinstance(i, kind)]


# --------------------------------------------------------------------------------------------------------- coming up


def test_a_coordinator_is_told_everything_whenever_it_does_not_know_us() -> None:
    world = World()
    world.say(on.Demanded({(1, 0, 0): 3}))
    told = [on.ToCoordinator([OPEN]), on.ToCoordinator([Demand((DemandedShape(1, 0, 3, 0),), 0)])]
    assert only(on.ToCoordinator, world.say(on.CoordinatorCame("head"))) == told
    assert only(on.ToCoordinator, world.say(on.CoordinatorCame("head"))) == told


def test_a_supervisor_gets_what_it_needs_and_is_used_once_it_is_ready_and_granted() -> None:
    world = World()
    out = world.say(on.PeerCame(b"p", "host-a"))
    assert out == [
        on.ToPeer(b"p", [replace(PREPARE, parts=2), Define(0, (), Blob(b"B0"), 0), Define(0, (), Blob(b"B1"), 1)])
    ]
    assert grants(world.shares(share("a"))) == []
    assert grants(world.ready(b"p", "a")) == [("a", 4)]
    assert grants(world.shares(share("a", 2))) == [("a", 2)]
    assert grants(world.shares(share("a", 2))) == []
    assert grants(world.shares()) == [("a", 0)]


def test_a_coordinator_that_has_decided_nothing_yet_takes_nothing_away() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    world.shares(share("a"))
    assert grants(world.ready(b"p", "a")) == [("a", 4)]
    assert grants(world.say(on.CoordinatorSaid(Shares(2, (), "shares out in 8 s", is_decided=False)))) == []
    assert world.core.waits_for == "shares out in 8 s"


def test_a_machine_that_is_ready_before_its_share_is_known_gets_nothing_yet() -> None:
    world = World()
    assert grants(world.ready(b"p", "a")) == [("a", 0)]
    out = world.shares(share("a"))
    assert out == [on.Grant(MachineShare("a", 4, GB, 8, 16 * GB))]


def test_what_supervisors_say_is_passed_on_once_they_are_ready() -> None:
    world = World()
    world.say(on.PeerCame(b"p", "host-a"))
    assert world.say(on.PeerSaid(b"p", Retracted((1,)))) == []
    world.ready(b"p", "a")
    assert world.say(on.PeerSaid(b"p", Retracted((1,)))) == [on.Pass("a", Retracted((1,)))]
    assert world.say(on.PeerSaid(b"stranger", Retracted((1,)))) == []


# --------------------------------------------------------------------------------------------------------- who fits


def test_another_python_engine_or_cloudpickle_is_refused_naming_both_hosts() -> None:
    for facts in ({"python_version": "3.11.2"}, {"engine_version": "2.0"}, {"cloudpickle_version": "2.2"}):
        world = World()
        world.say(on.CoordinatorCame("head"))
        out = world.ready(b"p", "a", **facts)
        (text,) = warnings(out)
        assert "host-a" in text
        assert "head" in text
        assert next(iter(facts.values()))[:4] in text
        (dismissal,) = only(on.Dismiss, out)
        assert isinstance(dismissal, on.Dismiss)
        assert only(on.ToCoordinator, out) == [on.ToCoordinator([Exclude("a", dismissal.reason)])]
        assert world.core.attached == {}


@pytest.mark.parametrize("what", ["engine", "cloudpickle"])
def test_a_package_is_refused_naming_where_it_was_found(what: str) -> None:
    """On one host, with one interpreter, as different paths may have it."""
    here, there = f"/venv/{what}", f"/home/{what}"
    us = replace(US, **{f"{what}_path": here})
    text = misfit(us, replace(us, **{f"{what}_version": "2.0", f"{what}_path": there}))
    assert text is not None
    assert f"2.0 on head ({there}) and " in text
    assert f" on head ({here})." in text


def test_another_patch_level_does() -> None:
    assert grants(World().ready(b"p", "a", python_version="3.12.9")) == [("a", 0)]


def test_who_says_that_it_is_unfit_is_not_asked_again_by_any_coordinator() -> None:
    world = World()
    world.say(on.PeerCame(b"p", "host-a"))
    out = world.say(on.PeerSaid(b"p", Unfit("a", "no module named steps on host-a")))
    assert "no module named steps" in warnings(out)[0]
    out = world.say(on.CoordinatorCame("head"))
    assert out[1] == on.ToCoordinator([OPEN, Exclude("a", "no module named steps on host-a")])


def test_who_says_farewell_is_lost_at_once_and_may_come_again() -> None:
    world = World()
    world.shares(share("a"))
    world.ready(b"p", "a")
    out = world.say(on.PeerSaid(b"p", Farewell("its ppg-slave is gone")))
    assert out == [Lose("a", "host-a", "its supervisor on host-a has ended: its ppg-slave is gone")]
    assert world.say(on.PeerSaid(b"p", Retracted((1,)))) == []
    assert grants(world.ready(b"q", "a", pid=8)) == [("a", 4)]


def test_a_machine_where_no_supervisor_can_start_is_not_asked_again() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    ended = SupervisorEnded("a", "host-a", 0, "it can't be started: the disk is full", True)
    out = world.say(on.CoordinatorSaid(ended))
    assert warnings(out) == ["host-a can't work for this run: it can't be started: the disk is full"]
    assert only(on.ToCoordinator, out) == [on.ToCoordinator([Exclude("a", ended.reason)])]
    assert world.say(on.CoordinatorSaid(ended)) == [], "it is told once"


def test_other_packages_and_a_wrong_clock_are_told_once_per_host() -> None:
    world = World()
    facts = {"distributions": (Distribution("numpy", "1.26"),), "time_ns": 100 * 10**9}
    out = world.ready(b"p", "a", **facts)
    assert any("numpy 1.26 (here 2.0)" in text for text in warnings(out))
    assert any("100 s ahead of that of head" in text for text in warnings(out))
    assert warnings(world.ready(b"q", "a", pid=8, **facts)) == []


# ---------------------------------------------------------------------------------------------------------- losses


def test_a_quiet_machine_gets_nothing_and_loses_nothing_until_it_is_heard_again() -> None:
    world = World()
    world.shares(share("a"))
    world.ready(b"p", "a")
    out = world.say(on.PeerQuiet(b"p", world.now - 10))
    assert grants(out) == [("a", 0)]
    assert only(Lose, out) == []
    assert grants(world.say(on.PeerBack(b"p"))) == [("a", 4)]
    assert world.core.deadline() is None


def test_a_machine_is_lost_after_lease_and_margin_and_not_before() -> None:
    world = World()
    world.shares(share("a"))
    world.ready(b"p", "a")
    since = world.now
    world.say(on.PeerQuiet(b"p", since))
    assert world.core.deadline() == since + LEASE_S + MARGIN_S
    assert only(Lose, world.pass_time(LEASE_S + MARGIN_S - 0.1)) == []
    out = world.pass_time(0.1)
    assert [type(i) for i in out] == [on.Dismiss, Lose]
    assert grants(world.ready(b"q", "a", pid=8)) == [("a", 4)], "a new supervisor there is welcome"


def test_a_supervisor_whose_end_is_known_is_lost_at_once() -> None:
    world = World()
    world.ready(b"p", "a", pid=7)
    assert world.say(on.CoordinatorSaid(SupervisorEnded("a", "host-a", 6, "killed"))) == [], "an older one"
    (lost,) = world.say(on.CoordinatorSaid(SupervisorEnded("a", "host-a", 7, "killed by SIGKILL")))
    assert isinstance(lost, Lose)
    assert "killed by SIGKILL" in lost.reason


def test_another_supervisor_on_a_machine_means_that_the_older_one_is_gone() -> None:
    world = World()
    world.shares(share("a"))
    world.ready(b"p", "a")
    out = world.ready(b"q", "a", pid=8)
    assert [type(i) for i in out] == [on.Dismiss, Lose, on.Pass, on.Grant]


def test_a_link_that_ends_by_a_broken_protocol_is_a_loss_when_nothing_can_run_there_any_more() -> None:
    world = World()
    world.shares(share("a"))
    world.ready(b"p", "a")
    out = world.say(on.PeerRefused(b"p", "it sent garbage"))
    assert grants(out) == [("a", 0)]
    assert only(Lose, out) == []
    assert only(Lose, world.pass_time(LEASE_S + MARGIN_S)) == [Lose("a", "host-a", "it sent garbage")]


def test_the_last_words_of_one_that_is_unfit_count_for_nothing() -> None:
    """It says of what it kills that it was cancelled, which is no failure of the jobs."""
    world = World()
    world.ready(b"p", "a")
    world.say(on.PeerSaid(b"p", Unfit("a", "a module is missing")))
    assert world.say(on.PeerSaid(b"p", Retracted((1,)))) == []


def test_or_when_its_slave_says_so() -> None:
    world = World()
    world.ready(b"p", "a", pid=7)
    world.say(on.PeerSaid(b"p", Unfit("a", "a module is missing")))
    out = world.say(on.CoordinatorSaid(SupervisorEnded("a", "host-a", 7, "unfit")))
    assert len(only(Lose, out)) == 1


# --------------------------------------------------------------------------------------------------- earlier runs


def test_machines_of_an_earlier_run_are_waited_for() -> None:
    world = World("a", "b")
    assert not world.core.is_clear
    world.say(on.CoordinatorSaid(Cleared("a", "host-a")))
    assert not world.core.is_clear
    world.ready(b"p", "b")
    assert world.core.is_clear, "a slave ends older supervisors before it starts one"


def test_but_not_longer_than_their_leases() -> None:
    world = World("gone")
    assert world.core.deadline() == 100.0 + LEASE_S + MARGIN_S
    world.pass_time(LEASE_S + MARGIN_S)
    assert world.core.is_clear


# --------------------------------------------------------------------------------------------------------- demand


def test_a_long_queue_is_stated_in_few_messages() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    said = []
    for count in range(100_000, 0, -1):
        world.now += 0.2
        said += only(on.ToCoordinator, world.say(on.Demanded({(1, 0, 0): count})))
    assert len(said) < 80


def test_demand_is_not_stated_more_often_than_now_and_then_but_the_last_word_is_said() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    world.say(on.Demanded({(1, 0, 0): 1}))
    assert only(on.ToCoordinator, world.say(on.Demanded({(1, 0, 0): 2}))) == []
    at = world.core.deadline()
    assert at is not None
    assert world.pass_time(at - world.now) == [on.ToCoordinator([Demand((DemandedShape(1, 0, 2, 0),), 0)])]


def test_loaded_data_is_part_of_the_demand() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    world.ready(b"p", "a")
    world.pass_time(1)
    told = world.say(on.PeerSaid(b"p", Heartbeat((), (), 0, GB)))
    assert only(on.ToCoordinator, told) == [on.ToCoordinator([Demand((), 0, (LoadedData("a", GB),))])]


def test_data_is_part_of_the_demand_before_it_is_loaded() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    world.pass_time(1)
    told = world.say(on.Demanded({(1, 0, 3 * GB): 1}))
    assert only(on.ToCoordinator, told) == [on.ToCoordinator([Demand((DemandedShape(1, 0, 1, 3 * GB),), 0)])]


def test_jobs_of_many_sizes_are_stated_as_few_none_larger_than_a_real_one() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    world.pass_time(1)
    sizes = [10**9 + 10**5 * number for number in range(5000)]
    (told,) = only(on.ToCoordinator, world.say(on.Demanded({(1, size, 0): 2 for size in sizes} | {(-2, 0, 0): 1})))
    assert isinstance(told, on.ToCoordinator)
    (demand,) = told.messages
    assert isinstance(demand, Demand)
    assert len(demand.shapes) <= 1000, "a coordinator takes no more"
    assert sum(shape.count for shape in demand.shapes) >= 10_001
    assert {shape.memory_bytes for shape in demand.shapes} <= {0, *sizes}
    assert max(shape.memory_bytes for shape in demand.shapes) == sizes[-1]
    assert DemandedShape(-2, 0, 1, 0) in demand.shapes


# ----------------------------------------------------------------------------------------------- what it waits for


def test_it_says_what_it_waits_for() -> None:
    world = World("old")
    assert "nothing of the last run" in world.core.waits_for
    world.say(on.CoordinatorCame("head"))
    world.say(on.CoordinatorSaid(Cleared("old", "host-old")))
    world.shares(note="all is in use by ann")
    assert world.core.waits_for == "all is in use by ann"
    world.shares(share("a"), share("b"))
    assert world.core.waits_for == "waits for supervisors to begin on host-a and host-b"
    world.ready(b"p", "a")
    assert world.core.waits_for == ""


def test_a_coordinator_that_is_gone_is_waited_for_by_who_has_no_machine() -> None:
    world = World()
    world.say(on.CoordinatorCame("head"))
    world.shares(note="all is in use by ann")
    world.say(on.CoordinatorQuiet(back=False))
    assert world.core.waits_for == "waits for the coordinator, which is not heard of"


# ---------------------------------------------------------------------------------------------------- generated jobs


def test_generated_jobs_go_to_all_machines_also_to_those_that_come_later() -> None:
    world = World()
    world.ready(b"p", "a")
    world.ready(b"q", "b")
    made = Define(0, (5, 6), Blob(b"Gx"), 2)
    assert world.say(on.Generated("a", 9, (5, 6), b"Gx")) == [
        on.ToPeer(b"p", [Define(9, (5, 6), Blob(b""), 2)]),
        on.ToPeer(b"q", [made]),
    ]
    (told,) = world.say(on.PeerCame(b"r", "host-c"))
    assert isinstance(told, on.ToPeer)
    assert told.messages[0] == replace(PREPARE, parts=3)
    assert told.messages[-1] == made
