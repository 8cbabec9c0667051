"""Machines that are not open to everybody: what is fair then, what is safe, and that nobody is held up by others."""

from __future__ import annotations

from arbiter_cluster import GB, Cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from test_arbiter_properties import quiet

from ppg_coordinator.events import Demand, Excluded, Held, MachineJoined, SessionOpened, Shape, Shares

NARROW = (1, 0)


def test_a_session_gets_nothing_where_its_user_has_no_daemon() -> None:
    cluster = Cluster()
    cluster.join("m0", 8, users="a")
    cluster.join("m1", 8, users="b")
    for name in "ab":
        cluster.open(name)
        cluster.demand(name, (*NARROW, 100))
    cluster.settle()
    assert cluster.shares() == {"a": {"m0": 8}, "b": {"m1": 8}}


def test_who_can_go_elsewhere_makes_way_for_who_cannot() -> None:
    cluster = Cluster()
    cluster.join("m0", 8, users="ab")
    cluster.join("m1", 8, users="b")
    cluster.open("b")
    cluster.demand("b", (*NARROW, 8))
    cluster.settle()
    cluster.fill()
    cluster.open("a")
    cluster.demand("a", (*NARROW, 100))
    cluster.demand("b", (*NARROW, 100))
    cluster.settle()
    assert cluster.shares() == {"a": {"m0": 8}, "b": {"m1": 8}}


def test_way_is_made_through_others() -> None:
    """a can only use m0, b m0 and m1, c m1 and m2: all end with a machine each, whoever came first."""
    cluster = Cluster()
    for machine, users in (("m0", "ab"), ("m1", "bc"), ("m2", "c")):
        cluster.join(machine, 8, users=users)
    for name in "cba":
        cluster.open(name)
        cluster.demand(name, (*NARROW, 100))
        cluster.settle()
        cluster.fill()
    assert cluster.cores() == {"a": 8, "b": 8, "c": 8}


def test_an_excluded_machine_is_left_and_others_get_it() -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
    for name in "ab":
        cluster.open(name)
        cluster.demand(name, (*NARROW, 100))
    cluster.settle()
    cluster.exclude("a", "m0")
    cluster.settle()
    assert cluster.shares() == {"a": {"m1": 8}, "b": {"m0": 8}}
    cluster.exclude("a", "m1")
    cluster.settle()
    assert cluster.shares() == {"a": {}, "b": {"m0": 8, "m1": 8}}
    cluster.exclude("a", "m1", False)
    cluster.settle()
    assert cluster.cores() == {"a": 8, "b": 8}


def test_exclusions_end_with_their_session() -> None:
    cluster = Cluster(("m0", 8, 64 * GB))
    cluster.open("a")
    cluster.exclude("a", "m0")
    cluster.close("a")
    cluster.open("a")
    cluster.demand("a", (*NARROW, 3))
    cluster.settle()
    assert cluster.cores() == {"a": 8}


def test_what_a_user_holds_stays_counted_when_its_daemon_is_silent() -> None:
    cluster = Cluster()
    cluster.join("m", 8, users="ab")
    for name in "ab":
        cluster.open(name)
        cluster.demand(name, (*NARROW, 100))
    cluster.settle()
    cluster.fill()
    cluster.open_to("m", "b")
    cluster.advance(100)
    assert cluster.cores() == {"a": 0, "b": 4}, "a's jobs run on"
    cluster.vacate("m", "a")
    cluster.settle()
    assert cluster.cores() == {"a": 0, "b": 8}


def test_a_daemon_that_comes_back_says_what_is_held_in_the_same_moment() -> None:
    """Else others would be given in between what is in use."""
    cluster = Cluster()
    cluster.join("m", 8, users="ab")
    for name in "ab":
        cluster.open(name)
        cluster.demand(name, (*NARROW, 100))
    cluster.settle()
    cluster.fill()
    cluster.leave("m")
    cluster.machines["m"] = (8, 64 * GB)
    cluster.now += 10
    shares = cluster.arbiter.handle_all(
        [
            MachineJoined("m", 8, 64 * GB, users=frozenset("ab")),
            Held("a", 0, "m", 5, 0),
        ],
        cluster.now,
    )
    cluster.arbiter.sanity_check()
    assert {s.session: s.machines[0][1] for s in shares if s.machines} == {"a": 4, "b": 3}


def test_a_job_that_fits_only_where_it_may_not_run_fits_nowhere() -> None:
    cluster = Cluster()
    cluster.join("small", 4, users="ab")
    cluster.join("large", 64, users="b")
    for name in "ab":
        cluster.open(name)
    cluster.demand("a", (16, 0, 3), (-2, 0, 1))
    cluster.demand("b", (*NARROW, 1000))
    cluster.settle()
    cluster.fill()
    assert cluster.cores()["b"] == 64, "the small machine is cleared for the job that needs all of it"
    assert cluster.cores()["a"] == 4


def test_machines_that_drain_for_some_do_not_hold_up_others() -> None:
    cluster = Cluster()
    cluster.join("m0", 8, users="a")
    cluster.join("m1", 8, users="b")
    for name, user in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        cluster.open(name, user)
    for name in ("a1", "b1"):
        cluster.demand(name, (*NARROW, 100))
    cluster.settle()
    cluster.fill()
    for name in ("a2", "b2"):
        cluster.demand(name, (-2, 0, 1))
    cluster.advance(1)
    cluster.sessions["b1"].finish("m1")
    cluster.advance(1)
    assert cluster.cores()["b2"] == 8, "although m0 still drains for a2"


def test_wide_jobs_of_who_is_alone_on_its_machines_all_start() -> None:
    cluster = Cluster()
    for index in range(4):
        cluster.join(f"m{index}", 8, users="a")
    cluster.join("big", 64, users="b")
    for name in "ab":
        cluster.open(name)
    cluster.demand("b", (*NARROW, 100))
    cluster.demand("a", (-2, 0, 4))
    cluster.settle()
    assert cluster.cores() == {"a": 32, "b": 64}


def test_numbers_go_on_where_they_were_told_to() -> None:
    """And who may still go by older ones is told at once, also that it has none."""
    cluster = Cluster(("m", 8, 64 * GB))
    assert cluster.arbiter.handle(SessionOpened("b", "b", number=41), 1.0) == [Shares("b", 42, ())]
    assert cluster.arbiter.handle(Excluded("b", "nowhere"), 2.0) == []
    assert [shares.number for shares in cluster.arbiter.handle(Demand("b", (Shape(1, 0, 1),)), 3.0)] == [43]


# --------------------------------------------------------------------------------------------------------- properties

USERS = "abc"
machines = st.lists(
    st.tuples(st.sampled_from([4, 8]), st.sets(st.sampled_from(USERS), min_size=1)), min_size=1, max_size=5
)
sessions = st.lists(st.tuples(st.sampled_from(USERS), st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=5)


class Pipes:
    """The naive oracle: drops flow to who has least, as long as any assignment of cores to machines allows it."""

    def __init__(self, cores: list[int], usable: list[set[int]]) -> None:
        self._cores, self._usable = cores, usable
        self.held: list[list[int]] = [[] for _ in cores]
        """By machine: whose core it is."""

    def give(self, session: int, seen: set[int] | None = None) -> bool:
        """One core more, moving others where need be."""
        seen = set() if seen is None else seen
        for machine in sorted(self._usable[session] - seen):
            seen.add(machine)
            if len(self.held[machine]) < self._cores[machine]:
                self.held[machine].append(session)
                return True
            for index, other in enumerate(self.held[machine]):
                if other != session and self.give(other, seen):
                    self.held[machine][index] = session
                    return True
        return False


def fair_cores(cores: list[int], usable: list[set[int]], users: list[str], wants: list[int]) -> list[int]:
    """One core at a time to the user, and of its sessions the one, that has least and can get one."""
    pipes, got = Pipes(cores, usable), [0] * len(users)
    stuck: set[int] = set()
    while True:
        open_ = [i for i in range(len(users)) if got[i] < wants[i] and i not in stuck]
        if not open_:
            return got
        of_user = {user: sum(got[i] for i in range(len(users)) if users[i] == user) for user in users}
        least = min(open_, key=lambda i: (of_user[users[i]], got[i]))
        if pipes.give(least):
            got[least] += 1
        else:
            stuck.add(least)


@settings(max_examples=150)
@given(machines, sessions)
def test_cores_are_divided_as_fairly_as_access_allows(
    machines: list[tuple[int, set[str]]], sessions: list[tuple[str, int, int]]
) -> None:
    """Within a core per machine: whole jobs on several machines, and shares that do not flap, cost that much."""
    cluster = Cluster()
    for index, (cores, users) in enumerate(machines):
        cluster.join(f"m{index}", cores, users="".join(sorted(users)))
    names = [f"{user}{index}" for index, (user, _, _) in enumerate(sessions)]
    for name, (user, first, _) in zip(names, sessions, strict=True):
        cluster.open(name, user)
        cluster.demand(name, (*NARROW, first))
        quiet(cluster)
    for name, (_, _, count) in zip(names, sessions, strict=True):
        cluster.demand(name, (*NARROW, count))
    quiet(cluster)
    usable = [{i for i, (_, users) in enumerate(machines) if user in users} for user, _, _ in sessions]
    wants = [count for _, _, count in sessions]
    fair = fair_cores([cores for cores, _ in machines], usable, [user for user, _, _ in sessions], wants)
    got = cluster.cores()
    for name, deserved in zip(names, fair, strict=True):
        assert got[name] >= deserved - 1 - len(machines) / 2, (got, dict(zip(names, fair, strict=True)))
    for index, (cores, users) in enumerate(machines):
        given_away = sum(share.get(f"m{index}", 0) for share in cluster.shares().values())
        if any(user in users and got[name] < want for name, (user, _, want) in zip(names, sessions, strict=True)):
            assert given_away == cores, "spare cores go to who can use them"
