"""The decisions of a slave daemon: stories of events in and instructions out."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ppg_cs.slave import events as on
from ppg_cs.slave import instructions as do
from ppg_cs.slave.core import JOBS_KILLED, STOP_S, UNWANTED, SlaveCore
from ppg_protocol.cluster_messages import (
    EndOlder,
    HeldShare,
    Holding,
    Leaving,
    Limit,
    OlderEnded,
    Register,
    SessionEnded,
    StartSession,
    StopSession,
)

PID = 77


class Slave:
    """Runs a core; every step ends with its sanity check."""

    def __init__(self) -> None:
        self.core = SlaveCore("m", 4, 1000, drain_s=60.0)
        self.now = 0.0

    def __call__(self, *events: on.Event) -> list[Any]:
        """What the core says to these events."""
        said: list[Any] = []
        for event in events:
            said += self.core.handle(event, self.now)
            self.core.sanity_check()
        return [one.message if isinstance(one, do.Tell) else one for one in said]


def start(name: str, epoch: int = 1, project: str = "/p") -> StartSession:
    return StartSession(name, epoch, project, f"tcp://{name}")


def ended(name: str, reason: str = "over") -> on.Ended:
    return on.Ended(name, PID, reason)


def test_a_session_starts_after_its_project_was_swept() -> None:
    slave = Slave()
    assert slave(start("a")) == [do.Sweep("/p")]
    assert slave(Limit("a", 1, 2, 500)) == []
    assert slave(on.Swept("/p")) == [do.Spawn(start("a")), do.PassLimit(Limit("a", 1, 2, 500))]
    assert slave(Limit("a", 2, 1, 500)) == [do.PassLimit(Limit("a", 2, 1, 500))]
    assert slave(on.Held("a", 2, 2, 500)) == [Holding("a", 2, 2, 500)]


def test_a_session_that_runs_is_not_started_again() -> None:
    slave = Slave()
    slave(start("a"), on.Swept("/p"))
    assert slave(start("a")) == []


def test_a_newer_run_waits_until_the_older_one_is_gone() -> None:
    slave = Slave()
    slave(start("old"), on.Swept("/p"))
    assert [type(one) for one in slave(start("new", 2))] == [do.EndSession]
    assert slave(ended("old")) == [SessionEnded("old", PID, "over"), do.Sweep("/p")]
    assert slave(on.Swept("/p")) == [do.Spawn(start("new", 2))]


def test_an_older_run_that_waits_never_starts() -> None:
    slave = Slave()
    slave(start("old"))
    (told,) = slave(start("new", 2))
    assert isinstance(told, SessionEnded)
    assert slave(on.Swept("/p")) == [do.Sweep("/p")]
    assert slave(on.Swept("/p")) == [do.Spawn(start("new", 2))]


def test_an_older_run_that_comes_late_is_refused() -> None:
    slave = Slave()
    slave(start("new", 2), on.Swept("/p"))
    assert slave(start("old", 1)) == [SessionEnded("old", 0, "a newer run of this project is here")]


def test_other_projects_are_left_alone() -> None:
    slave = Slave()
    slave(start("a"), on.Swept("/p"))
    assert slave(start("b", 5, "/q")) == [do.Sweep("/q")]


def test_the_coordinator_is_told_when_nothing_older_lives() -> None:
    slave = Slave()
    assert slave(EndOlder("/p", 3)) == [do.Sweep("/p")]
    assert slave(on.Swept("/p")) == [OlderEnded("/p", 3)]
    slave(start("a", 3), on.Swept("/p"))
    assert slave(EndOlder("/p", 3), on.Swept("/p")) == [do.Sweep("/p"), OlderEnded("/p", 3)]
    slave(EndOlder("/p", 4))
    assert slave(ended("a")) == [SessionEnded("a", PID, "over"), do.Sweep("/p")]
    assert slave(on.Swept("/p")) == [OlderEnded("/p", 4)]


def test_what_is_not_here_holds_nothing_and_has_ended() -> None:
    slave = Slave()
    assert slave(Limit("a", 3, 2, 10)) == [Holding("a", 3, 0, 0)]
    assert slave(StopSession("a", "closed")) == [SessionEnded("a", 0, "it does not run here", is_absent=True)]


def test_a_session_that_is_stopped_before_it_started() -> None:
    slave = Slave()
    slave(start("a"))
    assert slave(StopSession("a", "closed")) == [SessionEnded("a", 0, "closed")]
    assert slave(on.Swept("/p")) == []


def test_a_supervisor_that_does_not_leave_is_killed() -> None:
    slave = Slave()
    slave(start("a"), on.Swept("/p"))
    assert slave(StopSession("a", "closed")) == [do.EndSession("a", "closed")]
    assert slave(StopSession("a", "closed")) == []
    assert slave.core.deadline() == STOP_S
    slave.now = STOP_S
    assert slave(on.Elapsed()) == [do.KillSession("a")]
    assert slave(ended("a")) == [SessionEnded("a", PID, "over")]


def test_a_coordinator_that_knows_nothing_is_told_the_most_that_may_be_held() -> None:
    slave = Slave()
    assert slave(on.Connected()) == [Register("m", 4, 1000, ())]
    slave(start("a"), on.Swept("/p"), Limit("a", 5, 1, 900), on.Held("a", 5, 3, 100), start("b", 1, "/q"))
    (register,) = slave(on.Connected())
    assert register.held == (HeldShare("a", 1, "/p", 5, 3, 900), HeldShare("b", 1, "/q", 0, 0, 0))


def test_a_limit_that_was_raised_and_lowered_again_counts_until_it_is_answered() -> None:
    """A supervisor that has not answered the lower one may have begun jobs by the higher one."""
    slave = Slave()
    slave(start("a"), on.Swept("/p"), Limit("a", 5, 3, 900), Limit("a", 6, 1, 300))
    (register,) = slave(on.Connected())
    assert register.held == (HeldShare("a", 1, "/p", 0, 3, 900),)
    slave(on.Held("a", 5, 2, 600))
    (register,) = slave(on.Connected())
    assert register.held == (HeldShare("a", 1, "/p", 5, 3, 900),)
    slave(on.Held("a", 6, 2, 600))
    (register,) = slave(on.Connected())
    assert register.held == (HeldShare("a", 1, "/p", 6, 2, 600),)


def test_a_session_that_waits_to_start_is_said_with_its_limit() -> None:
    """It starts soon, and may then use what a coordinator of before has allowed."""
    slave = Slave()
    slave(start("a"), Limit("a", 5, 2, 900))
    (register,) = slave(on.Connected())
    assert register.held == (HeldShare("a", 1, "/p", 0, 2, 900),)
    assert slave(on.Swept("/p")) == [do.Spawn(start("a")), do.PassLimit(Limit("a", 5, 2, 900))]


def test_the_first_signal_drains() -> None:
    slave = Slave()
    slave(start("a"), on.Swept("/p"), start("b", 1, "/q"))
    assert slave(on.Interrupted()) == [
        Leaving("it drains"),
        do.DrainSession("a"),
        SessionEnded("b", 0, "this machine drains"),
    ]
    assert slave(start("c", 1, "/r")) == [SessionEnded("c", 0, "this machine drains")]
    assert slave(on.Connected())[-1] == Leaving("it drains")
    said = slave(ended("a"))
    assert said[0] == SessionEnded("a", PID, "over")
    assert (type(said[-1]), said[-1].exit_code) == (do.Leave, 0)


def test_draining_has_an_end() -> None:
    slave = Slave()
    slave(start("a"), on.Swept("/p"), on.Interrupted())
    slave.now = 60.0
    assert [type(one) for one in slave(on.Elapsed())] == [do.EndSession]
    assert slave(ended("a"))[-1].exit_code == JOBS_KILLED


@pytest.mark.parametrize(("sessions", "code"), [((), 0), (("a",), JOBS_KILLED)])
def test_a_second_signal_ends_at_once(sessions: tuple[str, ...], code: int) -> None:
    slave = Slave()
    for name in sessions:
        slave(start(name), on.Swept("/p"))
    slave(on.Interrupted())
    assert slave(on.Interrupted())[0].exit_code == code


def test_one_that_is_refused_leaves() -> None:
    assert Slave()(on.Unwanted("you are two")) == [do.Leave(UNWANTED, "you are two")]


@pytest.mark.parametrize("seed", range(30))
def test_every_start_is_answered_and_epochs_never_mix(seed: int) -> None:
    """At work: by Ended, later; else at once. An oracle of processes checks what is started and ended."""
    dice = random.Random(seed)
    slave = Slave()
    alive: dict[str, StartSession] = {}
    told: list[str] = []
    sweeps: list[str] = []
    started: list[str] = []

    def perform(said: list[Any]) -> None:
        for one in said:
            if isinstance(one, do.Spawn):
                order = one.order
                older = [a for a in alive.values() if a.project == order.project and a.epoch != order.epoch]
                assert not older
                alive[order.session] = order
            elif isinstance(one, do.Sweep):
                assert one.project not in sweeps
                sweeps.append(one.project)
            elif isinstance(one, SessionEnded):
                assert one.session not in alive
                told.append(one.session)

    for number in range(200):
        choice = dice.random()
        if choice < 0.3:
            name = f"s{number}"
            started.append(name)
            perform(slave(start(name, dice.randint(1, 4), dice.choice("pq"))))
        elif choice < 0.4:
            perform(slave(EndOlder(dice.choice("pq"), dice.randint(1, 5))))
        elif choice < 0.5 and started:
            perform(slave(StopSession(dice.choice(started), "closed")))
        elif choice < 0.75 and alive:
            name = dice.choice(sorted(alive))
            del alive[name]
            perform(slave(ended(name)))
        elif sweeps:
            perform(slave(on.Swept(sweeps.pop(0))))
    while alive or sweeps:
        if sweeps:
            perform(slave(on.Swept(sweeps.pop(0))))
        for name in sorted(alive):
            del alive[name]
            perform(slave(ended(name)))
    assert slave.core.seats == {}
    assert set(told) == set(started)
