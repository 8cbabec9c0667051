"""Envelopes: what travels as one zmq multipart. Frame 0 is `[first, acknowledged, [message, …]]`, then the blob frames.

`first` is the number of the first message in it; in an envelope without messages, the number that the sender's next
message will have. So every envelope shows a gap before it, even a mere acknowledgement. `acknowledged` is the last
number that the sender has processed.

Invariant: what `seal` makes, `unseal` accepts; every envelope of `seal` but those of a single message is within
ENVELOPE_BYTES. Bodies are packed message by message and concatenated, so that sizes are known before an
envelope is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgpack

from ppg_protocol import limits
from ppg_protocol.codec import Message, decode_message, encode_message
from ppg_protocol.errors import RemoteProtocolError

Frames = list[bytes]

_packer = msgpack.Packer()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A received envelope."""

    first: int
    acknowledged: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope ready to travel: `count` messages from number `first`."""

    first: int
    count: int
    frames: Frames
    size_bytes: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1


def seal_one(first: int, acknowledged: int, messages: Sequence[Message] = ()) -> Sealed:
    """A single envelope for at most a few small messages: hello, refuse, acknowledgement."""
    blobs: Frames = []
    return _close(first, acknowledged, [encode_message(message, blobs) for message in messages], blobs)


def seal(first: int, acknowledged: int, messages: Sequence[Message]) -> list[Sealed]:
    """Number `messages` from `first` and put them into as few envelopes as the limits allow.

    Raises LocalProtocolError when one of them can't be sent; then none should be.
    """
    done: list[Sealed] = []
    bodies: list[bytes] = []
    blobs: Frames = []
    size_bytes = 0
    for message in messages:
        blobs_before = len(blobs)
        body = encode_message(message, blobs)
        added_bytes = len(body)
        if len(blobs) > blobs_before:
            added_bytes += sum(map(len, blobs[blobs_before:]))
        if bodies and _full(len(bodies), blobs_before, size_bytes + added_bytes):
            done.append(_close(first, acknowledged, bodies, blobs[:blobs_before]))
            first += len(bodies)
            bodies, blobs, size_bytes = [], [], 0
            body = encode_message(message, blobs)  # anew: its blob has another index now
        bodies.append(body)
        size_bytes += added_bytes
    if bodies:
        done.append(_close(first, acknowledged, bodies, blobs))
    return done


def unseal(frames: Sequence[bytes]) -> Envelope:
    """The envelope in received frames. Raises RemoteProtocolError, and nothing else, for any bytes that are none."""
    if not frames or len(frames) - 1 > limits.ENVELOPE_BLOBS:
        raise RemoteProtocolError(f"received {len(frames)} frames; an envelope has 1 to {1 + limits.ENVELOPE_BLOBS}")
    blobs = frames[1:]
    if sum(map(len, blobs)) > limits.BLOB_BYTES:
        raise RemoteProtocolError(f"received blobs of {sum(map(len, blobs))} bytes; the limit is {limits.BLOB_BYTES}")
    first, acknowledged, messages = _unpack(frames[0])
    return Envelope(first, acknowledged, tuple([decode_message(wire, blobs) for wire in messages]))


def _full(messages: int, blobs: int, size_bytes: int) -> bool:
    return messages >= limits.ENVELOPE_MESSAGES or blobs >= limits.ENVELOPE_BLOBS or size_bytes > limits.ENVELOPE_BYTES


def _close(first: int, acknowledged: int, bodies: list[bytes], blobs: Frames) -> Sealed:
    head = b"\x93" + _packer.pack(first) + _packer.pack(acknowledged) + _packer.pack_array_header(len(bodies))
    frames = [head + b"".join(bodies), *blobs]
    return Sealed(first, len(bodies), frames, sum(map(len, frames)))


def _unpack(body: bytes) -> tuple[int, int, tuple[object, ...]]:
    if len(body) > limits.BODY_BYTES:
        raise RemoteProtocolError(f"received a body of {len(body)} bytes; the limit is {limits.BODY_BYTES}")
    try:
        wire = msgpack.unpackb(
            body,
            use_list=False,
            unicode_errors="surrogatepass",
            max_str_len=4 * limits.STRING_CHARS,
            max_bin_len=limits.FIELD_BYTES,
            max_array_len=limits.LIST_ITEMS,
            max_map_len=0,
            max_ext_len=0,
        )
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise RemoteProtocolError(f"received a body that is no msgpack within the limits: {error!r:.200}") from None
    if type(wire) is not tuple or len(wire) < 3:
        raise RemoteProtocolError(f"received {type(wire).__name__}; an envelope is [first, acknowledged, messages]")
    first, acknowledged, messages = wire[:3]
    for name, number in (("first", first), ("acknowledged", acknowledged)):
        if type(number) is not int or not 0 <= number <= limits.INT_MAX:
            raise RemoteProtocolError(f"received an envelope whose {name} number is no int in [0, {limits.INT_MAX}]")
    if type(messages) is not tuple or len(messages) > limits.ENVELOPE_MESSAGES:
        raise RemoteProtocolError(f"received an envelope without a list of at most {limits.ENVELOPE_MESSAGES} messages")
    return first, acknowledged, messages
