"""Stories of two sessions over a fake link, then: whatever the link does, everything arrives once, in order."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_fake import TIMING, End, FakeLink
from wire_samples import hello

from ppg_protocol import limits
from ppg_protocol.envelope import Envelope, seal, seal_one, unseal
from ppg_protocol.errors import LocalProtocolError
from ppg_protocol.handshake import refusal
from ppg_protocol.messages import Ack, Define, Heartbeat, Shutdown
from ppg_protocol.outbox import Outbox
from ppg_protocol.records import Blob
from ppg_protocol.session import SAY_HELLO, Session, State, Timing
from ppg_protocol.session_events import (
    Deliver,
    Dismiss,
    Dropped,
    Established,
    HeartbeatDue,
    Opened,
    PeerReturned,
    PeerSilent,
    Received,
    Refused,
    Send,
    Tick,
    Transmit,
)


@pytest.fixture
def link() -> FakeLink:
    made = FakeLink()
    made.open()
    return made


def receive(session: Session, first: int, *messages: Any, acknowledged: int = 0, now: float = 0.0) -> list[Any]:
    return session.handle(Received(seal_one(first, acknowledged, messages).frames), now)


def acceptor() -> Session:
    session = Session(hello("mcp"), TIMING, initiator=False)
    receive(session, 0, hello("supervisor"))
    return session


# ------------------------------------------------------------------------------------------------------------- stories


def test_both_ends_learn_who_the_other_is(link: FakeLink) -> None:
    assert link.initiator.instructions == [Established(hello("mcp"))]
    assert link.acceptor.instructions == [Established(hello("supervisor"))]
    assert [end.session.state for end in link.ends] == [State.LINKED, State.LINKED]


def test_what_was_said_before_the_hello_arrives_after_it() -> None:
    link = FakeLink()
    for end in link.ends:
        link.say(end, 3)
    link.open()
    assert link.initiator.heard == link.acceptor.heard == [0, 1, 2]


def test_the_hello_is_repeated_until_answered_ever_less_often() -> None:
    link = FakeLink()
    link.up = False
    link.handle(link.initiator, Opened())
    gaps = []
    for _ in range(10):
        before = link.now
        at = link.initiator.session.deadline()
        assert at is not None
        link.now = at
        link.handle(link.initiator, Tick())
        gaps.append(round(link.now - before, 6))
    assert gaps[:4] == [0.01, 0.02, 0.04, 0.08]
    assert gaps[-1] == 1.0
    link.up = True
    link.run(2)
    assert link.initiator.session.state is State.LINKED


def test_heartbeats_come_regularly_and_confirm(link: FakeLink) -> None:
    link.run(10)
    heartbeats = [one for one in link.initiator.instructions if one == HeartbeatDue()]
    assert 10 <= len(heartbeats) <= 11
    for end in link.ends:
        assert end.session.confirmed_at is not None
        assert link.now - end.session.confirmed_at <= 2 * TIMING.heartbeat_s
        assert end.session.outbox.messages <= 2


def test_acknowledgements_travel_alone_only_when_much_is_owed(link: FakeLink) -> None:
    link.wait(0)
    link.flow()
    link.say(link.initiator, limits.ACK_MESSAGES - 3)
    link.deliver_one(link.acceptor)
    assert not link.travelling[link.initiator]
    link.say(link.initiator, 10)
    link.flow()
    assert link.initiator.session.outbox.messages == 0


def test_bytes_are_owed_too() -> None:
    session = acceptor()
    session.handle(Send([Ack(()), Ack(())]), 0.0)
    [sealed] = seal(1, 0, [Define(0, (), Blob(bytes(limits.ACK_BYTES)))])
    deliver, ack = session.handle(Received(sealed.frames), 0.0)
    assert isinstance(deliver, Deliver)
    assert isinstance(ack, Transmit)
    assert unseal(ack.frames) == Envelope(3, 1, ())  # it shows the loss of 1 and 2, had they been lost


def test_an_envelope_is_kept_until_its_last_message_is_acknowledged() -> None:
    outbox = Outbox()
    outbox.add(seal(1, 0, [Ack(()), Ack(()), Ack(())]), 5.0)
    outbox.add(seal(4, 0, [Ack(())]), 6.0)
    outbox.acknowledge(2)
    assert (outbox.first_kept, outbox.messages, outbox.confirmed_at) == (1, 4, None)
    outbox.acknowledge(3)
    assert (outbox.first_kept, outbox.messages, outbox.confirmed_at) == (4, 1, 5.0)
    outbox.acknowledge(1)
    outbox.sanity_check()


def test_a_side_whose_outbox_is_full_shows_life_without_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OUTBOX_MESSAGES", 1)
    session = acceptor()
    assert session.handle(Tick(), 0.0) == [HeartbeatDue()]
    session.handle(Send([Ack(())]), 0.0)
    [sign] = session.handle(Tick(), 1.0)
    assert isinstance(sign, Transmit)
    assert unseal(sign.frames) == Envelope(2, 0, ())


def test_a_silent_peer_is_reported_once_and_its_return_too(link: FakeLink) -> None:
    link.run(3)
    link.up = False
    link.wait(60)
    for end in link.ends:
        assert [type(one) for one in end.instructions if type(one) is not HeartbeatDue] == [Established, PeerSilent]
        link.say(end, 2)
    assert link.acceptor.session.deadline() is None
    link.up = True
    link.run(3)
    for end in link.ends:
        assert [type(one) for one in end.instructions if type(one) is not HeartbeatDue] == [
            Established,
            PeerSilent,
            PeerReturned,
        ]
        assert end.heard == [0, 1]


def test_silence_is_since_the_last_word(link: FakeLink) -> None:
    link.run(2)
    heard_at = link.now
    link.lose_all()
    link.up = False
    link.wait(30)
    [silent] = [one for one in link.acceptor.instructions if isinstance(one, PeerSilent)]
    assert heard_at - TIMING.heartbeat_s - 0.3 <= silent.since <= heard_at


def test_a_server_that_never_answers_is_silent_since_the_start() -> None:
    link = FakeLink()
    link.up = False
    link.handle(link.initiator, Opened())
    link.wait(20)
    assert link.initiator.instructions == [PeerSilent(100.0)]


@pytest.mark.parametrize("sender", [0, 1])
def test_a_loss_that_nobody_noticed_shows_at_the_next_message(link: FakeLink, sender: int) -> None:
    end = link.ends[sender]
    link.say(end, 2)
    link.lose_all()
    link.say(end, 1)
    link.flow()
    link.wait(0.02)
    link.flow()
    assert link.other(end).heard == [0, 1, 2]


@pytest.mark.parametrize("sender", [0, 1])
def test_the_loss_of_the_last_message_shows_at_the_next_heartbeat(link: FakeLink, sender: int) -> None:
    end = link.ends[sender]
    link.run(1)
    link.say(end, 2)
    link.lose_all()
    link.run(2)
    assert link.other(end).heard == [0, 1]


def test_a_heartbeat_that_is_resent_still_speaks_of_its_own_moment(link: FakeLink) -> None:
    """Else a list of attempts made before Run 2 arrived would seem to say that attempt 2 is gone."""
    link.run(1)
    link.handle(link.initiator, Send([Heartbeat((), (), link.initiator.delivered)]))
    link.lose_all()
    link.say(link.acceptor, 5)
    link.run(3)
    assert link.initiator.heard == [0, 1, 2, 3, 4]  # and End.take compared every heartbeat


def test_another_acceptor_process_starts_anew(link: FakeLink) -> None:
    link.say(link.initiator, 3)
    link.say(link.acceptor, 3)
    link.flow()
    link.say(link.initiator, 1)
    link.lose_all()
    link.acceptor.session = Session(hello("mcp", instance=b"restarted"), TIMING, initiator=False)
    link.acceptor.heard = []
    link.say(link.acceptor, 1)
    link.run(2)
    assert link.initiator.instructions[-3:].count(Established(hello("mcp", instance=b"restarted"))) == 1
    assert link.initiator.heard == [0, 1, 2, 3]
    assert link.acceptor.heard == []
    link.say(link.initiator, 1)
    link.run(1)
    assert link.acceptor.heard == [4]


def test_another_initiator_process_starts_anew(link: FakeLink) -> None:
    link.say(link.acceptor, 3)
    link.lose_all()
    link.initiator.session = Session(hello("supervisor", instance=b"restarted"), TIMING, initiator=True)
    link.open()
    assert link.initiator.heard == []
    assert link.acceptor.instructions[-1] == Established(hello("supervisor", instance=b"restarted"))
    link.say(link.acceptor, 1)
    link.flow()
    assert link.initiator.heard == [3]


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"protocol_major": 2}, ["protocol 1.0", "protocol 2.0"]),
        ({"engine_version": "1.0.1"}, ["pypipegraph 1.0.0", "pypipegraph 1.0.1"]),
        ({"session": "older"}, ["'session'", "'older'", "belongs to another run"]),
        ({"session": "coordinator"}, ["'session'", "'coordinator'", "took the address of a run"]),
    ],
)
def test_hellos_that_do_not_fit_are_refused_naming_both(changes: dict[str, Any], facts: list[str]) -> None:
    link = FakeLink()
    link.initiator.session = Session(hello("supervisor", **changes), TIMING, initiator=True)
    link.open()
    for end in link.ends:
        [reason] = end.refusals
        for fact in [*facts, "mcp on host-of-mcp", "supervisor on host-of-supervisor"]:
            assert fact in reason
        assert end.session.state is State.ENDED
        assert end.session.deadline() is None
        assert end.session.handle(Send([Shutdown("")]), 0.0) == []


@pytest.mark.parametrize("changes", [{"protocol_minor": 7}, {"python_version": "3.13.0"}, {"epoch": 4}])
def test_hellos_that_differ_harmlessly_fit(changes: dict[str, Any]) -> None:
    link = FakeLink()
    link.initiator.session = Session(hello("supervisor", **changes), TIMING, initiator=True)
    link.open()
    assert [end.session.state for end in link.ends] == [State.LINKED, State.LINKED]


@pytest.mark.parametrize("role", ["mcp", "slave", "operator"])
def test_a_coordinator_serves_every_engine_and_python(role: str) -> None:
    coordinator = hello("coordinator", session="coordinator")
    client = hello(role, session="coordinator", engine_version="7.0", python_version="3.99.0", protocol_minor=3)
    assert refusal(coordinator, client) is None
    assert refusal(client, coordinator) is None


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"protocol_major": 2}, ["protocol 1.0", "protocol 2.0"]),
        ({"session": "counts"}, ["'coordinator'", "'counts'", "took the address of a run for that of a coordinator"]),
    ],
)
def test_a_coordinator_refuses_other_majors_and_strayed_supervisors(changes: dict[str, Any], facts: list[str]) -> None:
    coordinator, client = hello("coordinator", session="coordinator"), hello("mcp", session="coordinator")
    for ours, theirs in (
        (coordinator, dataclasses.replace(client, **changes)),
        (dataclasses.replace(client, **changes), coordinator),
    ):
        reason = refusal(ours, theirs)
        assert reason is not None
        for fact in [*facts, "coordinator on host-of-coordinator", "mcp on host-of-mcp"]:
            assert fact in reason


def test_the_answer_to_a_repeated_hello_has_nothing_resent_again() -> None:
    session = Session(hello("supervisor"), TIMING, initiator=True)
    session.handle(Send([Ack((1,))]), 0.0)
    session.handle(Opened(), 0.0)
    assert [type(one) for one in receive(session, 1, hello("mcp"))] == [Established, Transmit]
    assert receive(session, 1, hello("mcp")) == []


def test_an_initiator_refuses_too() -> None:
    session = Session(hello("supervisor"), TIMING, initiator=True)
    session.handle(Opened(), 0.0)
    transmit, refused = receive(session, 1, hello("mcp", engine_version="2"))
    assert isinstance(transmit, Transmit)
    assert isinstance(refused, Refused)


def test_who_missed_a_refusal_is_told_again(link: FakeLink) -> None:
    link.handle(link.acceptor, Dismiss("enough"))
    link.lose_all()
    link.say(link.initiator, 1)
    link.flow()
    assert link.initiator.refusals == ["the other side refused: enough"]
    assert link.acceptor.refusals == []
    link.run(10)
    assert not any(link.travelling.values())


def test_two_that_refuse_each_other_fall_silent(link: FakeLink) -> None:
    for end in link.ends:
        link.handle(end, Dismiss("no, you"))
    link.flow()


# ---------------------------------------------------------------------------------------------------- what is forbidden


@pytest.mark.parametrize("frames", [[], [b""], [b"garbage"], [b"", b"", b""], [b"\x93\x01\x00\x91\x91\x63"]])
def test_garbage_of_a_stranger_is_ignored_and_of_a_peer_ends_the_session(frames: list[bytes]) -> None:
    stranger = Session(hello("mcp"), TIMING, initiator=False)
    assert stranger.handle(Received(frames), 0.0) == []
    assert stranger.state is State.IDLE
    session = acceptor()
    transmit, refused = session.handle(Received(frames), 0.0)
    assert isinstance(transmit, Transmit)
    assert isinstance(refused, Refused)
    assert session.state is State.ENDED


def test_a_stranger_is_asked_for_its_hello_and_can_not_refuse() -> None:
    stranger = Session(hello("mcp"), TIMING, initiator=False)
    assert receive(stranger, 5, Ack((1,))) == [SAY_HELLO]
    assert stranger.handle(Received(seal_one(0, 0, [Shutdown("")]).frames), 0.0) == [SAY_HELLO]


@pytest.mark.parametrize(
    ("first", "acknowledged", "messages", "complaint"),
    [
        (1, 1, [Ack(())], "message 1 was acknowledged, but only 0 were sent"),
        (1, 0, [Ack(()), hello()], "not alone"),
        (0, 0, [Ack(())], "numbered from 0"),
        (0, 0, [], "numbered from 0"),
    ],
)
def test_an_acceptor_ends_on_violations(first: int, acknowledged: int, messages: list[Any], complaint: str) -> None:
    _, refused = receive(acceptor(), first, *messages, acknowledged=acknowledged)
    assert complaint in refused.reason


@pytest.mark.parametrize(
    ("first", "acknowledged", "complaint"),
    [(2, 0, "it has forgotten the others"), (0, 0, "it has forgotten"), (1, 9, "only 0 were sent")],
)
def test_an_answer_that_can_not_close_a_gap_ends_the_session(first: int, acknowledged: int, complaint: str) -> None:
    session = Session(hello("supervisor"), TIMING, initiator=True)
    session.handle(Opened(), 0.0)
    _, refused = receive(session, first, hello("mcp"), acknowledged=acknowledged)
    assert complaint in refused.reason


def test_a_peer_whose_gaps_never_close_is_given_up() -> None:
    session = acceptor()
    for _ in range(limits.FRUITLESS_RESYNCS):
        assert receive(session, 5, Ack(())) == [SAY_HELLO]
        receive(session, 0, hello("supervisor"))
    _, refused = receive(session, 5, Ack(()))
    assert "did not close a gap" in refused.reason


def test_an_initiator_paces_and_gives_up_too() -> None:
    session = Session(hello("supervisor"), TIMING, initiator=True)
    session.handle(Opened(), 0.0)
    now = 0.0
    refusals: list[Refused] = []
    while not refusals:
        receive(session, 1, hello("mcp"), now=now)
        refusals = [one for one in receive(session, 5, Ack(()), now=now) if isinstance(one, Refused)]
        now = session.deadline() or now
        session.handle(Tick(), now)
    assert now > 5 * TIMING.heartbeat_s
    assert "did not close a gap" in refusals[0].reason


def test_our_own_mistakes_are_raised_and_change_nothing(link: FakeLink) -> None:
    for mistake in ([hello()], [Ack((1,)), Ack((1 << 63,))], [object()]):
        with pytest.raises(LocalProtocolError):
            link.initiator.session.handle(Send(mistake), link.now)
    link.say(link.initiator, 1)
    link.flow()
    assert link.acceptor.heard == [0]


def test_the_outbox_is_bounded(link: FakeLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OUTBOX_MESSAGES", 10)
    link.up = False
    link.say(link.initiator, 10)
    with pytest.raises(LocalProtocolError, match=r"10 \(.* bytes\) are not yet acknowledged, at most 10"):
        link.handle(link.initiator, Send([Ack(())]))
    link.initiator.session.sanity_check()
    link.up = True
    link.run(3)
    assert link.acceptor.heard == list(range(10))
    link.say(link.initiator, 5)


def test_the_outbox_is_bounded_in_bytes(link: FakeLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OUTBOX_BYTES", 1000)
    with pytest.raises(LocalProtocolError, match="at most 65536 \\(1000 bytes\\)"):
        link.handle(link.initiator, Send([Shutdown("x" * 1000)]))


def test_timing_is_checked() -> None:
    with pytest.raises(LocalProtocolError, match="silence_s"):
        Timing(heartbeat_s=2, silence_s=2)


# ----------------------------------------------------------------------------------------------------- under any faults

ACTIONS = st.one_of(
    st.tuples(st.just("say"), st.integers(0, 1), st.integers(1, 90)),
    st.tuples(st.just("deliver"), st.integers(0, 1), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.just(0), st.sampled_from([0.01, 0.3, 1.0, 4.0, 20.0])),
)
FAULTS = st.tuples(
    st.sampled_from(["lose_all", "lose_one", "repeat", "down", "up", "dropped", "opened"]),
    st.integers(0, 1),
    st.just(0),
)


@given(st.lists(st.one_of(ACTIONS, ACTIONS, FAULTS), max_size=40))
def test_everything_arrives_once_and_in_order_whatever_the_link_does(actions: list[tuple[str, int, Any]]) -> None:
    link = FakeLink()
    link.handle(link.initiator, Opened())
    for action, index, amount in actions:
        perform(link, action, link.ends[index], amount)
        for end in link.ends:  # safety
            assert end.heard == list(range(len(end.heard)))
            assert len(end.heard) <= link.other(end).said
            assert not end.refusals
    link.up = True
    link.run(12)
    for end in link.ends:  # liveness
        assert end.heard == list(range(link.other(end).said))
        assert end.session.state is State.LINKED
        assert end.session.outbox.messages <= limits.ACK_MESSAGES + 2


def perform(link: FakeLink, action: str, end: End, amount: Any) -> None:
    match action:
        case "say":
            link.say(end, amount)
        case "deliver":
            for _ in range(amount):
                link.deliver_one(end)
        case "wait":
            link.wait(amount)
        case "lose_all":
            link.lose_all()
        case "lose_one":
            link.lose_one(end)
        case "repeat":
            link.repeat(end)
        case "down" | "up":
            link.up = action == "up"
            if not link.up:
                link.lose_all()
        case "dropped":
            link.handle(end, Dropped())
        case "opened":
            link.handle(end, Opened())
        case _:
            raise AssertionError(action)


@given(st.lists(st.lists(st.binary(max_size=30), max_size=3), max_size=5), st.booleans(), st.booleans())
def test_no_bytes_raise(garbage: list[list[bytes]], initiator: bool, opened: bool) -> None:
    session = Session(hello(), TIMING, initiator)
    if opened:
        session.handle(Opened(), 0.0)
    for frames in garbage:
        session.handle(Received(frames), 1.0)
        session.sanity_check()
