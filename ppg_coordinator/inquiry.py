"""An operator's question to a running coordinator, and its answer."""

from __future__ import annotations

import zmq

from ppg_protocol.clock import now as clock
from ppg_protocol.cluster_messages import Answer, Ask
from ppg_protocol.curve import CurveClient
from ppg_protocol.errors import CommunicationFailure, PyPipeGraphError
from ppg_protocol.keys import KeyDirectory
from ppg_protocol.link import SERVER, ClientLink
from ppg_protocol.messages import Heartbeat
from ppg_protocol.session import Timing
from ppg_protocol.session_events import Deliver, HeartbeatDue, Refused

from .daemon import hello

TIMING = Timing(2.0, 20.0)


class NotDone(PyPipeGraphError):
    """The coordinator won't, or can't, or does not admit our key: it is there, and asking again changes nothing."""


def inquire(endpoint: str, keys: KeyDirectory, what: str, arguments: tuple[str, ...], timeout_s: float) -> Answer:
    """Ask once. Raises NotDone, as soon as that is known; CommunicationFailure when there is no answer in time;
    LocalProtocolError for an address that is none."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        curve = CurveClient(keys.user, keys.coordinator_public)
        link = ClientLink(context, endpoint, hello("operator"), TIMING, clock(), curve)
        try:
            link.send(SERVER, [Ask(what, arguments)], clock())
            return _wait(link, endpoint, keys, clock() + timeout_s)
        finally:
            link.close()
    finally:
        context.term()


def _wait(link: ClientLink, endpoint: str, keys: KeyDirectory, until: float) -> Answer:
    now = clock()
    while now < until:
        due = link.deadline()
        at = until if due is None else min(due, until)
        link.socket.poll(max(1, min(100, int(1000 * (at - now)))))
        now = clock()
        for delivery in [*link.receive(now), *link.tick(now)]:
            match delivery.what:
                case Deliver(messages):
                    for message in messages:
                        if isinstance(message, Answer):
                            return _judge(message)
                case HeartbeatDue():
                    link.send(SERVER, [Heartbeat((), (), 0)], now)
                case Refused(reason):
                    raise NotDone(f"the coordinator at {endpoint} does not talk to us: {reason}")
        if link.is_denied:
            raise NotDone(
                f"{link.trouble}, by: ppg-coordinator authorize {keys.user_name} {keys.path / 'user.key'} (see --keys)"
            )
    raise CommunicationFailure(
        f"no answer from the coordinator at {endpoint} (see --coordinator, --keys, --timeout): "
        f"{link.trouble or 'it is connected, but silent'}"
    )


def _judge(answer: Answer) -> Answer:
    if not answer.ok:
        raise NotDone(answer.text)
    return answer
