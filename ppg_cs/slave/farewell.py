"""The last words of who leaves: they are heard, or there is nobody to hear them.

A server acknowledges with the next thing that it says, as a rule a heartbeat, which is too long to wait for. So it is
asked. Where nobody listens any more nothing is waited for: who listens there later knows nothing of us anyway.
"""

from __future__ import annotations

from ppg_protocol import clock
from ppg_protocol.link import ClientLink

LOOK_UP_MS = 50
"""How often it is looked whether anybody listens."""


def say_farewell(link: ClientLink, patience_s: float) -> str:
    """Wait until all that was said is acknowledged, at most so long. Returns why it was not, in words, or nothing. What
    is said to us is not taken in any more."""
    session, give_up_at = link.session(), clock.now() + patience_s
    if session.outbox.messages:
        link.ask_for_acknowledgement(clock.now())
    while session.outbox.messages:
        now = clock.now()
        if link.is_deserted:
            return "nobody listens there any more"
        if now >= give_up_at:
            return f"no answer within {patience_s:g} s"
        link.socket.poll(LOOK_UP_MS)
        link.receive(now)
        link.tick(now)
    return ""
