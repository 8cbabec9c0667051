"""What is to be said to machines, kept until it may be: after the commit that justifies it.

A message is justified by what is written, an acknowledgement by what is durable, since the supervisor then forgets the
result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg_protocol.codec import Message


class Outbox:
    """Messages and acknowledged attempts by machine."""

    def __init__(self) -> None:
        self._messages: dict[str, list[Message]] = {}
        self._acks: dict[str, list[int]] = {}
        self._ripe: dict[str, list[int]] = {}
        """Acknowledgements that may leave."""

    def __bool__(self) -> bool:
        """Is there something that should not wait? Acknowledgements may."""
        return bool(self._messages)

    def say(self, machine: str, message: Message) -> None:
        """Add a message."""
        self._messages.setdefault(machine, []).append(message)

    def acknowledge(self, machine: str, attempt: int) -> None:
        """Its result is in the store's buffer, or does not matter."""
        self._acks.setdefault(machine, []).append(attempt)

    def ripen(self) -> None:
        """All that was acknowledged is durable."""
        for machine, attempts in self._acks.items():
            self._ripe.setdefault(machine, []).extend(attempts)
        self._acks.clear()

    @property
    def acknowledges(self) -> bool:
        """Are there acknowledgements, ripe or not?"""
        return bool(self._acks or self._ripe)

    def forget(self, machine: str) -> None:
        """It is gone."""
        self._messages.pop(machine, None)
        self._acks.pop(machine, None)
        self._ripe.pop(machine, None)

    def empty(self) -> Iterator[tuple[str, Sequence[Message]]]:
        """What may leave, in its order, by machine."""
        from ppg_protocol.messages import Ack

        for machine, attempts in self._ripe.items():
            self.say(machine, Ack(tuple(attempts)))
        messages, self._messages, self._ripe = self._messages, {}, {}
        yield from messages.items()
