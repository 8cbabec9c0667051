"""Stories of the coordinator's core: who comes, says what, is lost and returns; and what everybody is told."""

from __future__ import annotations

import itertools
import json

import pytest
from core_world import GB, HEARTBEAT, World

from ppg_coordinator.core.events import AuthorizeKey, KeepDrained, RevokeKey, ShutOut, Ticked, UserRevoked
from ppg_protocol.cluster_messages import (
    Ask,
    Demand,
    DemandedShape,
    EndOlder,
    Holding,
    Leaving,
    Limit,
    Register,
    SessionEnded,
    StartSession,
    StopSession,
)


def cores(world: World) -> dict[str, dict[str, int]]:
    return {session: mcp.shares for session, mcp in world.mcps.items()}


def two_users(world: World) -> None:
    """ann and ben with a daemon each on one machine, and more to do than it can."""
    for user in ("ann", "ben"):
        world.slave(f"m-{user}", user, "m")
    for user in ("ann", "ben"):
        world.demand(world.mcp(f"s-{user}", user), (1, 0, 100))
    world.settle()
    world.fill()


def test_a_pipegraph_alone_has_all_machines_and_one_supervisor_on_each() -> None:
    world = World()
    first = world.slave("m0", "ann")
    mcp = world.mcp("s", "ann")
    assert [type(message) for message in first.inbox] == [EndOlder]
    world.demand(mcp, (1, 0, 100))
    assert [type(message) for message in first.inbox] == [EndOlder, StartSession, Limit]
    world.read()
    assert cores(world) == {"s": {"m0": 8}}
    assert mcp.cleared == ["m0"]
    world.slave("m1", "ann")
    world.settle()
    assert cores(world) == {"s": {"m0": 8, "m1": 8}}
    assert mcp.cleared == ["m0", "m1"]
    world.close(mcp)
    world.settle()
    assert all(not slave.supervisors for slave in world.slaves.values())
    assert world.status()["pipegraphs"] == []


def test_two_users_share_a_machine_by_what_its_smaller_daemon_declares() -> None:
    world = World()
    for user, declared in (("ann", 8), ("ben", 8), ("cyd", 4)):
        world.slave(f"m-{user}", user, "m", cores=declared)
    for user in ("ann", "ben"):
        world.demand(world.mcp(f"s-{user}", user), (1, 0, 100))
    world.settle()
    assert cores(world) == {"s-ann": {"m": 2}, "s-ben": {"m": 2}}
    (machine,) = world.status()["machines"]
    assert machine["cores"] == 4
    assert [daemon["user"] for daemon in machine["daemons"]] == ["ann", "ben", "cyd"]


def test_held_is_what_supervisors_say_not_what_the_mcp_does() -> None:
    world = World()
    world.slave("m-ann", "ann", "m")
    world.slave("m-ben", "ben", "m")
    world.demand(world.mcp("s-ann", "ann"), (1, 0, 100))
    world.settle()
    world.fill()
    world.demand(world.mcp("s-ben", "ben"), (1, 0, 100))
    world.advance(5)
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {}}, "eight jobs of ann run on"
    world.slaves["m-ann"].finish("s-ann", 3)
    world.advance(1)
    assert cores(world)["s-ben"] == {"m": 3}


def test_an_excluded_machine_goes_to_others() -> None:
    world = World()
    two_users(world)
    world.exclude(world.mcps["s-ann"], "m")
    world.settle()
    assert cores(world) == {"s-ann": {}, "s-ben": {"m": 8}}
    assert "can't work for this pipegraph" in world.waits("s-ann")


def test_a_silent_daemon_keeps_what_it_holds_for_the_lease() -> None:
    world = World(lease_s=60)
    two_users(world)
    ann = world.slaves["m-ann"]
    world.fall_silent(ann)
    world.advance(59)
    assert cores(world) == {"s-ann": {}, "s-ben": {"m": 4}}
    assert world.waits("s-ann") == "no ppg-slave of user ann can be used: that on host-m is silent"
    world.kill("m-ann")
    world.advance(2)
    world.settle()
    assert cores(world)["s-ben"] == {"m": 8}


def test_a_daemon_that_returns_within_the_lease_goes_on() -> None:
    world = World(lease_s=60)
    two_users(world)
    ann = world.slaves["m-ann"]
    world.fall_silent(ann)
    world.advance(30)
    world.come_back(ann)
    world.settle()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}
    assert ann.starts == 1


def test_a_daemon_that_was_given_up_and_returns_says_what_it_still_runs() -> None:
    """Nobody knew better; from then on it is counted again, and nothing new starts until it fits."""
    world = World(lease_s=60)
    two_users(world)
    ann = world.slaves.pop("m-ann")
    world.fall_silent(ann)
    world.advance(61)
    world.settle()
    assert cores(world)["s-ben"] == {"m": 8}
    (machine,) = world.status()["machines"]
    assert [daemon["state"] for daemon in machine["daemons"]] == ["lost", "connected"]
    world.come_back(ann)
    (machine,) = world.status()["machines"]
    assert machine["cores_used"] == 12, "ann's four still run"
    world.slaves["m-ann"] = ann
    ann.finish("s-ann")
    world.settle()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}


def test_a_session_that_ended_while_its_daemon_was_lost_is_stopped_when_that_returns() -> None:
    world = World(lease_s=60)
    two_users(world)
    ann = world.slaves["m-ann"]
    world.fall_silent(ann)
    world.advance(61)
    world.close(world.mcps["s-ann"])
    world.settle()
    assert [graph["session"] for graph in world.status()["pipegraphs"]] == ["s-ben"]
    world.come_back(ann)
    world.settle()
    assert ann.supervisors == {}
    assert [graph["session"] for graph in world.status()["pipegraphs"]] == ["s-ben"]


def test_a_killed_daemon_is_replaced_by_its_restart() -> None:
    world = World()
    two_users(world)
    world.kill("m-ann")
    again = world.slave("again", "ann", "m")
    world.advance(1)
    assert again.turned_away is None, "the first may still live"
    world.advance(8)
    world.settle()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}
    assert again.starts == 1


def test_a_daemon_that_left_is_replaced_at_once() -> None:
    world = World()
    slave = world.slave("m", "ann")
    world.demand(world.mcp("s", "ann"), (1, 0, 100))
    world.settle()
    world.say(slave, Leaving("told to stop"))
    slave.fail("s", "its jobs have ended")
    world.read()
    world.kill("m")
    again = world.slave("m", "ann")
    world.advance(1)
    assert set(again.supervisors) == {"s"}
    assert world.mcps["s"].shares == {"m": 8}


def test_a_second_daemon_is_refused_while_the_first_lives() -> None:
    world = World()
    two_users(world)
    second = world.slave("second", "ann", "m")
    world.slaves.pop("second")
    world.advance(2)
    world.say(world.slaves["m-ann"], HEARTBEAT)
    assert second.turned_away is not None
    assert "is served by another ppg-slave of user ann, on host host-m" in second.turned_away
    assert "--machine-id" in second.turned_away
    world.advance(10)
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}


def test_a_supervisor_that_ends_by_itself_is_started_again_ever_more_slowly() -> None:
    world = World()
    slave = world.slave("m", "ann")
    world.demand(world.mcp("s", "ann"), (1, 0, 100))
    world.settle()
    starts: list[float] = []
    begin = world.now
    while world.now < begin + 300:
        before = slave.starts
        slave.fail("s", "it did not fit")
        world.advance(0.5)
        if slave.starts > before:
            starts.append(world.now)
    pauses = [round(later - earlier) for earlier, later in itertools.pairwise(starts)]
    assert pauses[:5] == [2, 4, 8, 16, 32]
    assert pauses[-1] == 60
    assert world.mcps["s"].shares == {"m": 8}
    assert world.mcps["s"].lost[0] == ("m", 7, "it did not fit"), "its MCP need not wait for a lease"


def test_a_newer_run_supersedes_an_older_one() -> None:
    world = World()
    slave = world.slave("m", "ann")
    older = world.mcp("older", "ann", "/project", epoch=3)
    world.demand(older, (1, 0, 100))
    world.settle()
    newer = world.mcp("newer", "ann", "/project", epoch=4)
    world.demand(newer, (1, 0, 100))
    assert older.turned_away == "a newer run of /project (epoch 4, on desk) has taken over"
    world.settle()
    assert set(slave.supervisors) == {"newer"}
    assert newer.shares == {"m": 8}
    assert newer.cleared == ["m"]
    again = world.mcp("older", "ann", "/project", epoch=3)
    assert again.turned_away is not None
    assert "epoch 4" in again.turned_away


def test_projects_of_other_users_are_left_alone() -> None:
    world = World()
    world.slave("m0", "ann")
    world.slave("m1", "ben")
    ann = world.mcp("s-ann", "ann", "/project", epoch=3)
    ben = world.mcp("s-ben", "ben", "/project", epoch=9)
    world.demand(ann, (1, 0, 100))
    world.demand(ben, (1, 0, 100))
    world.settle()
    assert cores(world) == {"s-ann": {"m0": 8}, "s-ben": {"m1": 8}}
    thief = world.mcp("s-ann", "ben", "/elsewhere")
    assert thief.turned_away is not None
    assert "belongs to another user" in thief.turned_away


def test_only_of_an_mcp_whose_run_goes_on_the_silence_is_noted() -> None:
    world = World()
    world.slave("m", "ann")
    over, dead = world.mcp("over", "ann"), world.mcp("dead", "ann")
    world.settle()
    world.close(over)
    for mcp in (over, dead):
        world.fall_silent(mcp)
        world.settle()
    assert world.log.count("mcp of ann on desk is not heard") == 1


def test_an_mcp_that_is_silent_for_the_lease_loses_its_session_and_gets_another_when_it_returns() -> None:
    world = World(lease_s=60)
    slave = world.slave("m", "ann")
    mcp = world.mcp("s", "ann")
    world.demand(mcp, (1, 0, 100))
    world.exclude(mcp, "elsewhere")
    world.settle()
    world.fill()
    world.fall_silent(mcp)
    world.advance(50)
    assert set(slave.supervisors) == {"s"}
    world.advance(15)
    assert slave.supervisors == {}
    world.come_back(mcp)
    world.settle()
    assert mcp.turned_away is None
    assert mcp.shares == {"m": 8}
    assert slave.starts == 2
    assert mcp.session in slave.supervisors
    assert "elsewhere" in str(world.status()["pipegraphs"][0]["excluded"])


def test_the_answer_to_a_stop_that_found_nothing_is_not_taken_for_the_end_of_what_was_started_since() -> None:
    """Else it would be given to others, which runs on."""
    world = World(lease_s=60)
    slave = world.slave("m", "ann")
    mcp = world.mcp("s", "ann")
    world.demand(mcp, (1, 0, 100))
    world.settle()
    world.fall_silent(mcp)
    world.now += 61
    world.send(Ticked())
    slave.fail("s", "its lease ran out, before it hears that it is to stop")
    world.come_back(mcp)
    world.settle()
    world.fill()
    assert set(slave.supervisors) == {"s"}
    world.slave("m-ben", "ben", "m")
    world.demand(world.mcp("t", "ben"), (1, 0, 100))
    world.settle()
    world.fill()


def test_a_restarted_coordinator_listens_first_and_goes_on_from_what_is_held() -> None:
    old = World()
    two_users(old)
    world = World(grace_s=10, first_number=10**6)
    world.slaves, world.mcps = old.slaves, old.mcps
    for talker in [*world.slaves.values(), *world.mcps.values()]:
        world.reconnect(talker)
    for mcp in world.mcps.values():
        world.demand(mcp, (1, 0, 100))
    world.slave("m-cyd", "cyd", "m")
    cyd = world.mcp("s-cyd", "cyd")
    world.demand(cyd, (1, 0, 100))
    before = cores(world)
    world.advance(9)
    assert all("shares out in" in mcp.note for mcp in world.mcps.values())
    assert cyd.shares == {}
    assert cores(world) == before, "sessions go on with what they have"
    world.settle()
    got = {session: sum(shares.values()) for session, shares in cores(world).items()}
    assert sum(got.values()) == 8
    assert min(got.values()) == 2
    assert all(slave.starts == 1 for slave in world.slaves.values()), "supervisors go on"


def restarted_without_ben(old: World) -> World:
    """ann's daemon finds the new coordinator at once, that of ben on the same machine does not."""
    two_users(old)
    world = World(grace_s=10, lease_s=60, first_number=10**6)
    world.slaves, world.mcps = old.slaves, old.mcps
    world.slaves["m-ben"].turned_away = "not connected"
    for talker in [world.slaves["m-ann"], *world.mcps.values()]:
        world.reconnect(talker)
    for mcp in world.mcps.values():
        world.demand(mcp, (1, 0, 100))
    return world


def test_after_a_restart_a_machine_is_not_shared_out_before_all_its_daemons_are_back() -> None:
    world = restarted_without_ben(World())
    world.advance(40)
    world.fill()
    assert cores(world)["s-ann"] == {"m": 4}, "what it holds, not what ben's daemon seems not to use"
    assert world.status()["machines"][0]["awaits"] == 1
    assert "every ppg-slave that runs on host-m" in world.waits("s-ann")
    world.reconnect(world.slaves["m-ben"])
    world.settle()
    world.fill()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}
    assert world.status()["machines"][0]["awaits"] == 0
    world.demand(world.mcps["s-ben"])
    world.slaves["m-ben"].finish("s-ben")
    world.settle()
    assert cores(world)["s-ann"] == {"m": 8}


def test_a_daemon_that_does_not_come_back_after_a_restart_is_waited_for_as_long_as_the_lease() -> None:
    world = restarted_without_ben(World())
    world.slaves.pop("m-ben")
    world.advance(59)
    assert cores(world)["s-ann"] == {"m": 4}
    world.advance(2)
    world.settle()
    assert cores(world)["s-ann"] == {"m": 8}


def test_a_machine_that_was_cut_off_for_long_is_not_shared_out_before_all_its_daemons_are_heard_again() -> None:
    world = World(lease_s=60)
    two_users(world)
    ann, ben = world.slaves["m-ann"], world.slaves["m-ben"]
    for slave in (ann, ben):
        world.fall_silent(slave)
    world.advance(61)
    assert cores(world) == {"s-ann": {}, "s-ben": {}}
    world.come_back(ann)
    world.advance(30)
    world.fill()
    world.come_back(ben)
    world.settle()
    world.fill()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}


@pytest.mark.parametrize("cut_off_s", [35, 65])
def test_a_machine_that_is_cut_off_while_a_daemon_is_late_waits_for_it_anew(cut_off_s: int) -> None:
    """That ben's daemon did not come while nothing could come does not say that it is not there."""
    world = restarted_without_ben(World())
    ann, ben = world.slaves["m-ann"], world.slaves["m-ben"]
    world.advance(30)
    world.fall_silent(ann)
    world.advance(cut_off_s)
    world.come_back(ann)
    world.advance(1)
    world.fill()
    assert "every ppg-slave that runs on host-m" in world.waits("s-ann")
    world.reconnect(ben)
    world.settle()
    world.fill()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}


def test_a_daemon_that_never_comes_is_waited_for_as_long_as_the_lease_after_each_cut() -> None:
    world = restarted_without_ben(World())
    world.slaves.pop("m-ben")
    world.advance(30)
    world.fall_silent(world.slaves["m-ann"])
    world.advance(35)
    world.come_back(world.slaves["m-ann"])
    world.advance(59)
    assert cores(world)["s-ann"] == {"m": 4}
    world.advance(2)
    world.settle()
    assert cores(world)["s-ann"] == {"m": 8}


@pytest.mark.parametrize(("falls_silent_s", "is_back_s"), [(5, 62), (0, 59)])
def test_daemons_that_are_heard_again_around_the_end_of_the_lease_are_waited_for(
    falls_silent_s: int, is_back_s: int
) -> None:
    """ben's is given up and ann's is not: before the machine is heard again, or a moment after that."""
    world = World(lease_s=60)
    two_users(world)
    ann, ben = world.slaves["m-ann"], world.slaves["m-ben"]
    world.fall_silent(ben)
    world.advance(falls_silent_s)
    world.fall_silent(ann)
    world.advance(is_back_s - falls_silent_s)
    world.come_back(ann)
    world.advance(63 - is_back_s)
    world.fill()
    assert "every ppg-slave that runs on host-m" in world.waits("s-ann")
    world.come_back(ben)
    world.settle()
    world.fill()
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}


def test_a_daemon_that_ran_nothing_is_not_waited_for() -> None:
    world = World(lease_s=60)
    two_users(world)
    world.slave("m-cyd", "cyd", "m")
    world.fall_silent(world.slaves["m-cyd"])
    world.advance(70)
    for name in ("m-ann", "m-ben"):
        world.fall_silent(world.slaves[name])
    world.advance(10)
    for name in ("m-ann", "m-ben"):
        world.come_back(world.slaves[name])
    world.demand(world.mcps["s-ben"])
    world.slaves["m-ben"].finish("s-ben")
    world.settle()
    assert cores(world)["s-ann"] == {"m": 8}


def test_sessions_that_nobody_claims_after_a_restart_are_ended_after_the_lease() -> None:
    old = World()
    two_users(old)
    world = World(lease_s=60)
    world.slaves = old.slaves
    for slave in world.slaves.values():
        world.reconnect(slave)
    world.advance(50)
    assert all(slave.supervisors for slave in world.slaves.values())
    world.advance(20)
    assert not any(slave.supervisors for slave in world.slaves.values())
    assert world.status()["pipegraphs"] == []


def test_a_slave_that_registers_later_ends_older_runs() -> None:
    world = World()
    mcp = world.mcp("s", "ann", "/project", epoch=7)
    slave = world.slave("m", "ann")
    assert EndOlder("/project", 7) in slave.inbox
    world.read()
    assert mcp.cleared == ["m"]


def test_a_leaving_slave_gets_nothing_new_and_keeps_what_runs() -> None:
    world = World()
    two_users(world)
    ann = world.slaves["m-ann"]
    world.say(ann, Leaving("told to stop"))
    world.settle()
    assert cores(world) == {"s-ann": {}, "s-ben": {"m": 8}}
    assert world.waits("s-ann") == "no ppg-slave of user ann can be used: that on host-m is leaving"


def test_drained_machines_are_named_by_host_or_id_and_remembered() -> None:
    world = World()
    two_users(world)
    assert world.ask("drain", "elsewhere").text == "no machine 'elsewhere'; known are host-m (m)"
    assert world.ask("drain", "host-m").ok
    world.settle()
    assert cores(world) == {"s-ann": {}, "s-ben": {}}
    assert world.other == [KeepDrained(("m",))]
    assert "host-m is drained" in world.waits("s-ann")
    world.slaves.pop("m-ben")
    world.slave("m-ben", "ben", "m")
    world.settle()
    assert cores(world) == {"s-ann": {}, "s-ben": {}}
    assert world.ask("undrain", "m").ok
    assert not world.ask("undrain", "m").ok
    world.settle()
    assert cores(world)["s-ann"] == {"m": 8} or cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}


def test_only_the_owner_may_do_more_than_look() -> None:
    world = World()
    world.slave("m", "ann")
    for what, arguments in (("drain", ("m",)), ("authorize", ("x", "k")), ("revoke", ("ann",)), ("undrain", ("m",))):
        answer = world.ask(what, *arguments, user="ann", is_owner=False)
        assert not answer.ok
        assert answer.text == f"only the owner of the coordinator may {what}; this key is that of user ann"
    assert world.other == []
    assert world.ask("status", user="ann", is_owner=False).ok
    assert not world.ask("dance").ok
    assert not world.ask("drain").ok


def test_a_colleague_is_not_told_which_session_is_whose() -> None:
    """Who knows a session could claim it from a coordinator that has just started, before its user does."""
    world = World()
    two_users(world)

    def sessions(user: str, is_owner: bool = False) -> set[tuple[str, str]]:
        told = json.loads(world.ask("status", user=user, is_owner=is_owner).document)
        return {(graph["user"], graph["session"]) for graph in told["pipegraphs"]}

    assert sessions("ann") == {("ann", "s-ann"), ("ben", "")}
    assert sessions("ben") == {("ann", ""), ("ben", "s-ben")}
    assert sessions("root", is_owner=True) == {("ann", "s-ann"), ("ben", "s-ben")}


def test_a_revoked_user_is_ended_everywhere_and_then_cut_off() -> None:
    world = World()
    two_users(world)
    owner = world.slave("owner", "owner")
    world.send(UserRevoked("ann", owner.identity))
    assert world.mcps["s-ann"].turned_away == "user ann was revoked by the owner of the coordinator"
    assert world.other == [], "its daemon is given the time to end what runs"
    world.settle()
    assert world.slaves["m-ann"].supervisors == {}
    assert world.other == [ShutOut("ann")]
    assert world.slaves["m-ann"].turned_away is not None
    assert cores(world)["s-ben"] == {"m": 8}
    assert "ann" not in str(world.status())


def test_a_revoked_user_whose_daemon_does_not_answer_is_cut_off_soon() -> None:
    world = World()
    two_users(world)
    world.silent.add(world.slaves["m-ann"].identity)
    world.send(UserRevoked("ann", b"nobody"))
    world.advance(world.settings.revocation_s - 0.1)
    assert world.other == []
    world.advance(1)
    assert world.other == [ShutOut("ann")]


def test_keys_are_the_shells_business() -> None:
    world = World()
    for what, arguments in (("authorize", ("cyd", "public")), ("revoke", ("cyd",))):
        try:
            world.ask(what, *arguments)
        except ValueError:
            pass  # not answered yet
    assert [type(instruction) for instruction in world.other] == [AuthorizeKey, RevokeKey]


def test_why_is_told_to_the_mcp_and_again_when_it_changes() -> None:
    world = World()
    mcp = world.mcp("s", "ann")
    world.demand(mcp, (1, 0, 100))
    world.advance(1)
    assert mcp.note == "no ppg-slave is registered"
    world.slave("m", "ben")
    world.advance(6)
    assert mcp.note == "no ppg-slave of user ann is registered"
    world.slave("n", "ann", cores=4)
    world.advance(6)
    assert mcp.note == "all 4 cores of 1 machine are in use by ann (4)"


def test_how_large_machines_are_is_told_as_it_changes() -> None:
    world = World()
    mcp = world.mcp("s", "ann")
    world.demand(mcp, (99, 0, 1))
    world.slave("m", "ann", cores=4)
    world.slave("of another", "ben", cores=64)
    world.advance(6)
    assert [size.cores for size in mcp.largest] == [4]
    world.slave("n", "ann", cores=8)
    world.advance(6)
    assert [size.cores for size in mcp.largest] == [8]
    world.ask("drain", "n")
    world.advance(6)
    assert [size.cores for size in mcp.largest] == [8], "it is there, and may be used again"


def test_demand_that_comes_and_goes_leaves_no_more_and_more_reminders() -> None:
    world = World()
    mcp = world.mcp("s", "ann")
    for _ in range(50):
        world.demand(mcp, (1, 0, 1))
        world.advance(1)
        world.demand(mcp)
        world.advance(1)
    reminders = 0
    while world.core.deadline() is not None and reminders < 50:
        world.advance(10)
        reminders += 1
    assert reminders < 5, "nothing is left to be looked at"


def test_nonsense_ends_the_link_and_nothing_else() -> None:
    world = World()
    two_users(world)
    for role, message in (
        ("mcp", Demand((DemandedShape(0, 0, 1),), 0)),
        ("mcp", Demand(tuple(DemandedShape(1, memory, 1) for memory in range(5000)), 0)),
        ("mcp", Holding("s-ann", 1, 1, 1)),
        ("slave", Ask("status", ())),
        ("slave", Register("", 1, 1, ())),
        ("slave", Register("m9", 0, GB, ())),
        ("slave", Holding("s", 1, -1, 0)),
    ):
        talker = world.mcp("nonsense", "eve") if role == "mcp" else world.slave("nonsense", "eve")
        world.say(talker, message)
        assert talker.turned_away, message
        world.slaves.pop("nonsense", None)
        world.mcps.pop("nonsense", None)
        world.advance(70)
    assert cores(world) == {"s-ann": {"m": 4}, "s-ben": {"m": 4}}
    assert len(world.status()["pipegraphs"]) == 2


def test_what_comes_late_or_from_nobody_is_ignored() -> None:
    world = World()
    slave = world.slave("m", "ann")
    world.say(slave, SessionEnded("unknown", 7, "gone"))
    world.say(slave, Holding("unknown", 3, 1, 1))
    mcp = world.mcp("s", "ann")
    world.close(mcp)
    world.demand(mcp, (1, 0, 1))
    world.exclude(mcp, "m")
    world.settle()
    assert StopSession not in map(type, slave.inbox)
    assert world.status()["pipegraphs"] == []


def test_a_link_that_broke_for_good_is_as_silent() -> None:
    world = World(lease_s=60)
    two_users(world)
    world.lose(world.mcps["s-ann"])
    world.lose(world.slaves["m-ben"])
    world.advance(61)
    world.settle()
    assert world.slaves["m-ann"].supervisors == {}
    (machine,) = world.status()["machines"]
    assert [daemon["user"] for daemon in machine["daemons"]] == ["ann"]
