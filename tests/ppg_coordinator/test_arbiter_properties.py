"""Whatever happens, in whatever order: nothing is overcommitted, and once it is quiet everybody has what is fair.

In two phases: random events over late links (safety), then no more changes, all messages read, all that exceeds a
share ends (liveness).
"""

from __future__ import annotations

import random

import pytest
from arbiter_cluster import GB, NOTHING, Cluster
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ppg_coordinator.events import Elapsed, Held
from ppg_coordinator.turn import TurnState

SHAPES = [(1, 0), (1, 1 * GB), (2, 0), (4, 0), (3, 20 * GB), (8, 0), (1, 60 * GB), (-1, 0), (-2, 0), (-1, 8 * GB)]
MACHINES = ["m0", "m1", "m2", "m3"]
SESSIONS = ["a1", "a2", "b1", "c1"]

shapes = st.lists(st.tuples(st.sampled_from(SHAPES), st.integers(0, 40)), max_size=3)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["join", "leave", "drain", "undrain", "open", "close", "users", "exclude", "vacate"]
            + ["demand", "read", "send", "start", "finish", "wait"] * 3
        ),
        st.integers(0, 3),
        st.integers(0, 10),
        shapes,
    ),
    max_size=60,
)


def act(cluster: Cluster, what: str, which: int, much: int, wanted: list[tuple[tuple[int, int], int]]) -> None:
    """One step of whatever kind, if it is possible now."""
    machine, name = MACHINES[which], SESSIONS[which]
    session = cluster.sessions.get(name)
    if what == "join" and machine not in cluster.machines:
        cluster.join(machine, [2, 4, 8, 8][much % 4], [8, 32, 64, 64][much % 4] * GB)
    elif what == "leave" and machine in cluster.machines:
        cluster.leave(machine)
    elif what == "users" and machine in cluster.machines:
        cluster.open_to(machine, ["abc", "ab", "b", "c", ""][much % 5])
    elif what == "vacate" and machine in cluster.machines:
        cluster.vacate(machine, "abc"[much % 3])
    elif what in ("drain", "undrain"):
        cluster.drain(machine, what == "drain")
    elif what == "wait":
        cluster.now += much / 4
        cluster.send(Elapsed())
    elif what == "open":
        if session is None:
            cluster.open(name, name[0])
    elif session is None:
        return
    elif what == "close":
        cluster.close(name)
    elif what == "exclude":
        cluster.exclude(name, MACHINES[much % 4], much % 3 > 0)
    elif what == "demand":
        cluster.demand(name, *[(*shape, count) for shape, count in wanted], data_bytes=(much % 3) * GB)
    elif what == "read" and session.inbox:
        session.read()
    elif what == "send" and session.outbox:
        cluster.send(session.outbox.popleft())
    elif what == "start":
        for of in list(session.share):
            session.start(of, much, much * GB)
    elif what == "finish":
        for of in list(session.running):
            session.finish(of, much)


@settings(max_examples=300)
@given(steps)
def test_what_runs_always_fits_and_quiet_comes(
    story: list[tuple[str, int, int, list[tuple[tuple[int, int], int]]]],
) -> None:
    cluster = Cluster(("m0", 8, 64 * GB), ("m1", 4, 32 * GB))
    cluster.open("a1", "a")
    for step in story:
        act(cluster, *step)
        cluster.check()
    quiet(cluster)
    for session in cluster.sessions.values():
        claimant = cluster.arbiter._ledger.claimants[session.name]
        granted = {name: (claim.granted_cores, claim.granted_bytes) for name, claim in claimant.claims.items()}
        assert session.share == {name: pair for name, pair in granted.items() if pair != NOTHING}
        for claim in claimant.claims.values():
            assert (claim.granted_cores, claim.granted_bytes) == claim.limit
            assert (claim.ceiling_cores, claim.ceiling_bytes) == claim.limit


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 3), shapes, st.integers(0, 2), st.sampled_from([0.11, 0.5, 2.5])), max_size=25),
)
def test_shares_move_between_sessions_that_use_all_they_may(
    story: list[tuple[int, list[tuple[tuple[int, int], int]], int, float]],
) -> None:
    cluster = Cluster(*[(f"m{index}", [16, 8, 8][index % 3], 64 * GB) for index in range(6)])
    for name in SESSIONS:
        cluster.open(name, name[0])
    for which, wanted, resident, seconds in story:
        demand = [(*shape, count) for shape, count in wanted]
        cluster.demand(SESSIONS[which], *demand, data_bytes=resident * GB)
        cluster.advance(seconds)
        cluster.fill()
        cluster.give_back()
    quiet(cluster)


def quiet(cluster: Cluster) -> None:
    """Nothing changes any more. Where turns alternate forever it is quiet between two of them."""
    for _ in range(400):
        cluster.read()
        cluster.give_back()
        cluster.read()
        at = cluster.arbiter.deadline()
        if at is None:
            return
        turns = [turn for _, turn in cluster.arbiter._balance.turns.all()]
        falling = any(c.appetite.falls_at is not None for c in cluster.arbiter._ledger.claimants.values())
        if at > cluster.now + 0.5 and all(turn.state is TurnState.READY for turn in turns) and turns and not falling:
            return
        cluster.now = max(cluster.now, at)
        cluster.send(Elapsed())
    queue = cluster.arbiter._balance.turns.queue
    assert queue or turns, "it never comes to rest"


def water(amount: float, wants: list[float]) -> list[float]:
    """The naive oracle: everybody gets a drop in turn."""
    got = [0.0] * len(wants)
    drop = 1 / 64
    while amount > drop / 2:
        thirsty = [i for i in range(len(wants)) if got[i] < wants[i] - drop / 2]
        if not thirsty:
            break
        least = min(thirsty, key=lambda i: got[i])
        got[least] += drop
        amount -= drop
    return got


def in_order(expected: dict[str, float], sessions: list[tuple[str, int]]) -> list[float]:
    """By position of the session."""
    return [expected[f"{user}{index}"] for index, (user, _) in enumerate(sessions)]


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([2, 4, 8]), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), min_size=2, max_size=6),
    st.randoms(use_true_random=False),
)
def test_single_cores_are_divided_as_water_would_be(
    machines: list[int], sessions: list[tuple[str, int]], chance: random.Random
) -> None:
    """Sessions come one by one with other demands first, so that shares have to move."""
    cluster = Cluster(*[(f"m{index}", cores, 64 * GB) for index, cores in enumerate(machines)])
    for index, (user, _) in enumerate(sessions):
        cluster.open(f"{user}{index}", user)
        cluster.demand(f"{user}{index}", (1, 0, chance.randint(0, 50)))
        quiet(cluster)
    for index, (user, count) in enumerate(sessions):
        cluster.demand(f"{user}{index}", (1, 0, count))
    quiet(cluster)

    users = sorted({user for user, _ in sessions})
    total = sum(machines)
    of_users = water(total, [sum(count for user, count in sessions if user == name) for name in users])
    expected: dict[str, float] = {}
    for name, amount in zip(users, of_users, strict=True):
        mine = [(f"{user}{index}", count) for index, (user, count) in enumerate(sessions) if user == name]
        expected.update(zip([s for s, _ in mine], water(amount, [count for _, count in mine]), strict=True))
    assume(
        all(
            amount >= 1 or count == 0 for amount, (_, count) in zip(in_order(expected, sessions), sessions, strict=True)
        )
    )
    got = cluster.cores()
    for name, amount in expected.items():
        assert got[name] > amount - 1.1, (got, expected)
    hungry = {f"{user}{index}": count for index, (user, count) in enumerate(sessions)}
    if any(got[name] < count for name, count in hungry.items()):
        assert sum(got.values()) == total, "spare capacity goes to who can use it"


@settings(max_examples=150)
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1, 2, 4]), st.integers(1, 60)), min_size=2, max_size=6),
    st.booleans(),
)
def test_larger_jobs_get_their_share_within_a_job(
    machines: int, sessions: list[tuple[str, int, int]], saturated: bool
) -> None:
    """A job per machine at worst, where somebody's small demand lies across them: nothing is moved for packing's
    sake."""
    cluster = Cluster(*[(f"m{index}", 8, 64 * GB) for index in range(machines)])
    if saturated:
        sessions = [(user, cores, 8 * machines) for user, cores, _ in sessions]
    names = [f"{user}{index}" for index, (user, _, _) in enumerate(sessions)]
    for name, (_, cores, count) in zip(names, sessions, strict=True):
        cluster.open(name, name[0])
        cluster.demand(name, (cores, 0, count))
        quiet(cluster)
    assume(not cluster.arbiter._balance.turns.all())  # else they share in time, by turns
    users = sorted({user for user, _, _ in sessions})
    of_users = water(
        8 * machines, [sum(cores * count for user, cores, count in sessions if user == name) for name in users]
    )
    got = cluster.cores()
    for name, amount in zip(users, of_users, strict=True):
        mine = [(n, *session) for n, session in zip(names, sessions, strict=True) if session[0] == name]
        fair = water(amount, [cores * count for _, _, cores, count in mine])
        for (session, _, cores, _), deserved in zip(mine, fair, strict=True):
            lost = cores + 1 + (0 if saturated else (cores - 1) * machines)
            if deserved >= cores:
                assert got[session] > deserved - lost, (session, got, deserved)


@settings(max_examples=100)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 9), st.sampled_from([(-2, 0), (-1, 0), (1, 60 * GB)]))
def test_every_wide_demand_gets_its_machine(machines: int, wides: int, length_s: int, shape: tuple[int, int]) -> None:
    """Narrow jobs of `length_s` never stop coming; each wide job starts within two of them, once its predecessors
    have started."""
    cluster = Cluster(*[(f"m{index}", 8, 64 * GB) for index in range(machines)])
    narrow = cluster.open("narrow")
    cluster.demand("narrow", (1, 0, 10_000))
    cluster.advance(1)
    cluster.fill()
    ends = dict.fromkeys(cluster.machines, cluster.now + length_s)
    waiting = [f"wide{index}" for index in range(wides)]
    for name in waiting:
        cluster.open(name)
        cluster.demand(name, (*shape, 1))
    busy: dict[str, str] = {}
    since = cluster.now
    while waiting:
        cluster.advance(0.25)
        for name, machine in list(busy.items()):
            cluster.close(name)
            del busy[name]
            del machine
        for machine, end in ends.items():
            if cluster.now >= end:
                narrow.finish(machine)
                ends[machine] = cluster.now + length_s
        cluster.advance(0.2)
        for name in list(waiting):
            for machine, (cores, _) in cluster.sessions[name].share.items():
                if cores >= 7:
                    busy[name] = machine
            if name in busy:
                waiting.remove(name)
                since = cluster.now
        cluster.fill()
        assert cluster.now - since <= 2 * length_s + 2.5, (waiting, cluster.shares())


@pytest.mark.parametrize("seed", range(3))
def test_the_same_events_give_the_same_shares(seed: int) -> None:
    def told() -> list[object]:
        chance = random.Random(seed)
        cluster = Cluster(("m0", 8, 64 * GB), ("m1", 8, 64 * GB))
        kinds = ["open", "demand", "demand", "read", "send", "start", "finish", "wait", "join"]
        for _ in range(300):
            wanted = [(chance.choice(SHAPES), chance.randint(0, 20))]
            act(cluster, chance.choice(kinds), chance.randrange(4), chance.randrange(10), wanted)
        return list(cluster.told)

    first = told()
    assert first
    assert first == told()


def test_a_session_that_holds_more_than_there_is_is_tolerated_until_it_fits() -> None:
    cluster = Cluster(("m", 8, 64 * GB))
    for name in ("a", "b"):
        cluster.open(name)
        cluster.demand(name, (1, 0, 100))
    cluster.settle()
    cluster.open("back")
    cluster.send(Held("back", 0, "m", 6, 0))
    cluster.now += 1
    cluster.close("b")
    cluster.settle()
    assert cluster.cores()["a"] == 4, "nothing more while 10 of 8 are held"
    cluster.send(Held("back", 0, "m", 3, 0))
    cluster.settle()
    assert cluster.cores()["a"] == 5
    cluster.send(Held("back", 0, "m", 0, 0))
    cluster.settle()
    assert cluster.cores()["a"] == 8
