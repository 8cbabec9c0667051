"""Who leaves does not wait for a heartbeat to know that it was heard, nor for somebody who is not there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secured import Secured

from ppg_protocol.clock import now
from ppg_protocol.link import SERVER, ClientLink
from ppg_protocol.messages import Ack
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Established

NEVER_S = 10_000.0


@pytest.fixture
def secured() -> Iterator[Secured]:
    made = Secured(Timing(heartbeat_s=NEVER_S, silence_s=2 * NEVER_S))
    yield made
    made.close()


def client_of(secured: Secured) -> ClientLink:
    """One that is established."""
    client = secured.client()
    secured.until(lambda: client.said(Established))
    assert isinstance(client.link, ClientLink)
    return client.link


def test_a_server_that_is_asked_acknowledges_without_a_heartbeat(secured: Secured) -> None:
    link = client_of(secured)
    last = link.send(SERVER, [Ack((1,)), Ack((2,))], now())
    link.ask_for_acknowledgement(now())
    secured.until(lambda: link.session().outbox.first_kept > last)
    assert [number for _, number in secured.server.heard] == [1, 2]


def test_what_was_asked_for_changes_nothing_else(secured: Secured) -> None:
    link = client_of(secured)
    link.ask_for_acknowledgement(now())
    link.send(SERVER, [Ack((3,))], now())
    secured.server.link.send(secured.peer(), [Ack((4,))], now())
    secured.until(lambda: secured.server.heard and secured.owners[1].heard)
    assert [number for _, number in secured.server.heard + secured.owners[1].heard] == [3, 4]
    assert len(secured.server.said(Established)) == 1


def test_a_place_where_nobody_listens_any_more_is_known_as_such(secured: Secured) -> None:
    link = client_of(secured)
    assert not link.is_deserted
    secured.owners.remove(secured.server)
    secured.link.close()
    secured.until(lambda: link.is_deserted)
