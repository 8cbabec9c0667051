"""What the supervisor has to say to its MCP, and when: at once, or with what else comes in a few milliseconds.

A message costs both sides a wake-up, and the MCP a commit. While many short jobs are queued here nobody waits for them,
so reports of starts and of successes wait for company, BATCH_S at most. All else is urgent and takes along what waits;
so is a success when little is queued: the MCP must send more in time, and in a chain each job waits for the last. For a
start nobody ever waits: of a short job it comes with the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from ppg_protocol.codec import Message
from ppg_protocol.messages import Finished, Started
from ppg_protocol.records import Outcome

BATCH_S = 0.05
PLENTY_PER_CORE = 2
"""So many attempts queued for each core are work enough until more has been sent."""


class Outbox:
    """In the order in which it is to be sent, starts first."""

    def __init__(self) -> None:
        self._starts: dict[int, Started] = {}
        """By attempt. Of one that has ended meanwhile its end says all."""
        self._messages: list[Message] = []
        self._urgent = False
        self._success = False
        """A success is among them, which waits only while there is plenty."""
        self._wait_until: float | None = None

    def append(self, message: Message) -> None:
        """Something more to say."""
        if isinstance(message, Started):
            self._starts[message.attempt] = message
            return
        self._messages.append(message)
        if isinstance(message, Finished):
            self._starts.pop(message.attempt, None)
        if isinstance(message, Finished) and message.outcome == Outcome.OK:
            self._success = True
        else:
            self._urgent = True

    def __iter__(self) -> Iterator[Message]:
        yield from self._starts.values()
        yield from self._messages

    def deadline(self) -> float | None:
        """When to ask again at the latest."""
        return self._wait_until

    def due(self, now: float, plenty: bool) -> list[Message]:
        """What is to be sent now, and is forgotten here. `plenty`: there is more than enough to go on with."""
        if not self._messages and not self._starts:
            return []
        if not self._urgent and (plenty or not self._success):
            if self._wait_until is None:
                self._wait_until = now + BATCH_S
            if now < self._wait_until:
                return []
        messages = list(self)
        self._starts.clear()
        self._messages.clear()
        self._urgent, self._success, self._wait_until = False, False, None
        return messages
