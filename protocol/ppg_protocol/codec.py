"""Messages to bytes and back, one at a time; `envelope` puts them together.

A message is the msgpack array `[type_number, field, …]`, see protocol/README.md. Its converters are compiled once,
when the first one comes or goes, from the dataclasses in `messages` (`fields` does that).

Strings are UTF-8 with lone surrogates let through, because file names that are not UTF-8 come out of `os.fsdecode` with
surrogates and must arrive as the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgpack

from ppg_protocol import limits
from ppg_protocol.errors import LocalProtocolError, RemoteProtocolError
from ppg_protocol.fields import Malformed, Pack, Unpack, compile_record, wrong
from ppg_protocol.messages import MESSAGE_TYPES, TYPE_NUMBERS

Message: TypeAlias = object
"""An instance of one of the classes in `messages.MESSAGE_TYPES`."""

_PACKS: dict[type, Pack] = {}
_UNPACKS: dict[int, Unpack] = {}


def _compile(cls: type | None) -> None:
    """Make the converters of a message class, which is known once its module was imported; of no other one."""
    if cls is not None and cls in TYPE_NUMBERS:
        number = TYPE_NUMBERS[cls]
        _PACKS[cls], _UNPACKS[number] = compile_record(cls.__name__, cls, number)


_packer = msgpack.Packer(unicode_errors="surrogatepass")


def encode_message(message: Message, blobs: list[bytes]) -> bytes:
    """One message as msgpack; its blob, if any, is appended to `blobs`, its envelope's blob frames so far.

    Raises LocalProtocolError when a field breaks its type or limit; `blobs` is then unchanged.
    """
    before = len(blobs)
    try:
        if type(message) not in _PACKS:
            _compile(type(message))
        pack = _PACKS.get(type(message))
        if pack is None:
            raise wrong("message", "an instance of a message class", message)
        body: bytes = _packer.pack(pack(message, blobs))
        if len(body) > limits.BODY_BYTES - limits.KIB:
            raise Malformed(f"{type(message).__name__}: {len(body)} bytes; a body holds {limits.BODY_BYTES}")
    except Malformed as error:
        del blobs[before:]
        raise LocalProtocolError(f"can't send this message: {error}") from None
    return body


def decode_message(wire: Any, blobs: Sequence[bytes]) -> Message:
    """The message in an unpacked array. Raises RemoteProtocolError naming the field, what it must be and what it is."""
    try:
        if type(wire) is not tuple or not wire or type(wire[0]) is not int:
            raise wrong("message", "an array that begins with a type number", wire)
        if wire[0] not in _UNPACKS:
            _compile(MESSAGE_TYPES.get(wire[0]))
        unpack = _UNPACKS.get(wire[0])
        if unpack is None:
            raise Malformed(f"message: unknown type number {wire[0]}")
        return unpack(wire, blobs)
    except Malformed as error:
        raise RemoteProtocolError(f"received a malformed message: {error}") from None
