"""What the supervisor says at once, and what waits for company."""

from __future__ import annotations

import pytest

from ppg_cs.outbox import BATCH_S, Outbox
from ppg_protocol.messages import Finished, Retracted, Started
from ppg_protocol.records import Blob, Outcome, Usage

STARTED = Started(1, 1, 4711)


def finished(attempt: int, outcome: Outcome = Outcome.OK) -> Finished:
    return Finished(attempt, int(outcome), (), b"", b"", None, Usage(0.1, 0.1, 0), Blob(b""), Blob(b""))


def test_an_empty_outbox_says_nothing_and_wants_nothing() -> None:
    outbox = Outbox()
    assert outbox.due(1.0, plenty=False) == []
    assert outbox.deadline() is None


def test_starts_and_successes_wait_for_company_while_there_is_plenty_to_do() -> None:
    outbox = Outbox()
    outbox.append(STARTED)
    assert outbox.due(10.0, plenty=True) == []
    assert outbox.deadline() == 10.0 + BATCH_S
    outbox.append(finished(2))
    assert outbox.due(10.0 + BATCH_S / 2, plenty=True) == []
    assert outbox.deadline() == 10.0 + BATCH_S, "who came first does not wait longer for who comes later"
    assert outbox.due(10.0 + BATCH_S, plenty=True) == [STARTED, finished(2)]
    assert outbox.deadline() is None
    assert outbox.due(20.0, plenty=True) == []


def test_no_success_waits_when_little_is_queued() -> None:
    outbox = Outbox()
    outbox.append(finished(1))
    assert outbox.due(10.0, plenty=True) == []
    assert outbox.due(10.001, plenty=False) == [finished(1)]
    assert outbox.deadline() is None


def test_a_start_waits_for_the_end_of_a_short_job_whatever_is_queued() -> None:
    outbox = Outbox()
    outbox.append(STARTED)
    assert outbox.due(10.0, plenty=False) == []
    outbox.append(finished(2))
    assert outbox.due(10.004, plenty=False) == [STARTED, finished(2)]
    outbox.append(STARTED)
    assert outbox.due(10.005, plenty=False) == [], "a success that was sent hurries nothing after it"
    assert outbox.deadline() == 10.005 + BATCH_S
    assert outbox.due(10.005 + BATCH_S, plenty=False) == [STARTED], "of a longer job it is said while that runs"


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.EXCEPTION])
def test_the_end_of_a_job_says_all_that_its_start_would_have_said(outcome: Outcome) -> None:
    outbox = Outbox()
    outbox.append(STARTED)
    outbox.append(Started(2, 1, 4712))
    assert outbox.due(10.0, plenty=False) == []
    outbox.append(finished(1, outcome))
    assert list(outbox) == [Started(2, 1, 4712), finished(1, outcome)]
    assert outbox.due(10.004, plenty=False) == [Started(2, 1, 4712), finished(1, outcome)]
    assert outbox.due(11.0, plenty=False) == []


@pytest.mark.parametrize("urgent", [Retracted((7,)), finished(2, Outcome.EXCEPTION)])
def test_what_is_urgent_takes_along_what_waits_in_order(urgent: Retracted | Finished) -> None:
    outbox = Outbox()
    outbox.append(STARTED)
    assert outbox.due(10.0, plenty=True) == []
    outbox.append(urgent)
    outbox.append(finished(3))
    assert outbox.due(10.001, plenty=True) == [STARTED, urgent, finished(3)]
    outbox.append(finished(4))
    assert outbox.due(10.002, plenty=True) == [], "urgency ends with what was urgent"
    assert outbox.deadline() == 10.002 + BATCH_S
