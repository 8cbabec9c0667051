"""What one end has sent and the other has not yet acknowledged, envelope by envelope, exactly as it was first sent.

Rules
- Numbers begin at 1 and have no gaps. An envelope is forgotten when its last message is acknowledged.
- An envelope is resent with the acknowledgement that it had when it was made: what a heartbeat says is true as of
  that number.
- Bounded by OUTBOX_MESSAGES and OUTBOX_BYTES; adding beyond is refused before anything changes.

Rejected: keeping messages and encoding them anew (envelopes would be cut differently, heartbeats would lie about
their moment, and their size could only be guessed).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from ppg_protocol import limits
from ppg_protocol.envelope import Frames, Sealed
from ppg_protocol.errors import LocalProtocolError, RemoteProtocolError


class Outbox:
    """Invariant: `_kept` is contiguous in numbers and ends at `sent`; `messages` and `size_bytes` are its sums."""

    def __init__(self) -> None:
        self.sent = 0
        """The number of the last message added."""
        self.messages = 0
        self.size_bytes = 0
        self.confirmed_at: float | None = None
        """When the newest acknowledged envelope was added: the peer was alive at that time or later."""
        self._kept: deque[tuple[Sealed, float]] = deque()

    @property
    def first_kept(self) -> int:
        """The number at which a resend begins."""
        return self._kept[0][0].first if self._kept else self.sent + 1

    @property
    def full(self) -> bool:
        """Whether the next message of any size might be refused."""
        return (
            self.messages >= limits.OUTBOX_MESSAGES
            or self.size_bytes + limits.BLOB_BYTES + limits.BODY_BYTES > limits.OUTBOX_BYTES
        )

    def add(self, sealed: Sequence[Sealed], now: float) -> None:
        """Raises LocalProtocolError beyond the bounds: wait for acknowledgements, or give up on the peer."""
        count, size_bytes = sum(one.count for one in sealed), sum(one.size_bytes for one in sealed)
        if self.messages + count > limits.OUTBOX_MESSAGES or self.size_bytes + size_bytes > limits.OUTBOX_BYTES:
            raise LocalProtocolError(
                f"can't send {count} messages ({size_bytes} bytes): {self.messages} ({self.size_bytes} bytes) are not "
                f"yet acknowledged, at most {limits.OUTBOX_MESSAGES} ({limits.OUTBOX_BYTES} bytes) may be"
            )
        for one in sealed:
            assert one.first == self.sent + 1, (one.first, self.sent)
            self._kept.append((one, now))
            self.sent = one.last
        self.messages += count
        self.size_bytes += size_bytes

    def acknowledge(self, number: int) -> None:
        """Forget envelopes up to `number`; a number that was acknowledged before is old news, not an error.

        Raises RemoteProtocolError for a number that was never sent.
        """
        if number > self.sent:
            raise RemoteProtocolError(f"message {number} was acknowledged, but only {self.sent} were sent")
        while self._kept and self._kept[0][0].last <= number:
            sealed, self.confirmed_at = self._kept.popleft()
            self.messages -= sealed.count
            self.size_bytes -= sealed.size_bytes

    def resend(self) -> Iterator[Frames]:
        """The frames of all that is not acknowledged, in order."""
        return (sealed.frames for sealed, _ in self._kept)

    def sanity_check(self) -> None:
        """For tests: asserts the invariant of the class."""
        expected = self.first_kept
        for sealed, _ in self._kept:
            assert sealed.first == expected
            assert sealed.count > 0
            expected = sealed.last + 1
        assert expected == self.sent + 1
        assert self.messages == sum(sealed.count for sealed, _ in self._kept) <= limits.OUTBOX_MESSAGES
        assert self.size_bytes == sum(sealed.size_bytes for sealed, _ in self._kept) <= limits.OUTBOX_BYTES
