"""Envelopes: whatever we seal is unsealed unchanged; whatever a stranger sends is unsealed or refused, never worse."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wire_samples import VECTORS, any_message, hello

from ppg_protocol import limits
from ppg_protocol.envelope import Envelope, seal, seal_one, unseal
from ppg_protocol.errors import LocalProtocolError, RemoteProtocolError
from ppg_protocol.fields import compile_field
from ppg_protocol.messages import MESSAGE_TYPES, Ack, Cancel, Define, Finished, Heartbeat, Shutdown, Started
from ppg_protocol.records import Blob, FileStat, Outcome, Usage

FINISHED = Finished(1, 0, (), b"", b"", None, Usage(0.0, 0.0, 0), Blob(b""))


def raw(*messages: Any, first: Any = 1, acknowledged: Any = 0) -> bytes:
    """A frame 0 that no checks stood in the way of."""
    return bytes(msgpack.packb([first, acknowledged, list(messages)], unicode_errors="surrogatepass"))


@given(st.lists(any_message, max_size=6), st.integers(0, limits.INT_MAX - 10), st.integers(0, limits.INT_MAX))
def test_roundtrip(messages: list[Any], first: int, acknowledged: int) -> None:
    sealed = seal(first, acknowledged, messages)
    assert len(sealed) == bool(messages)
    for one in sealed:
        assert unseal(one.frames) == Envelope(first, acknowledged, tuple(messages))
        assert one.size_bytes == sum(map(len, one.frames))
        assert one.last == first + len(messages) - 1


@given(st.lists(st.binary(max_size=200), max_size=4))
@example([])
@example([b"\x91" * 5000])
@example([b"\xdd\xff\xff\xff\xff"])
@example([b"\xc7\x00\xff"])
@example([b"\x93\x01\x00\xdd\x7f\xff\xff\xff"])
def test_any_bytes_are_refused_or_understood(frames: list[bytes]) -> None:
    try:
        unseal(frames)
    except RemoteProtocolError as error:
        assert str(error)  # noqa: PT017 - either way is fine


def mutated(body: bytes, data: st.DataObject) -> bytes:
    """A few bytes changed, deleted, inserted, or the rest cut off."""
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        cut = data.draw(st.sampled_from(["change", "delete", "insert", "truncate"]))
        byte = data.draw(st.integers(0, 255))
        changed[at : {"change": at + 1, "delete": at + 1, "insert": at, "truncate": len(changed)}[cut]] = (
            [byte] if cut in ("change", "insert") else []
        )
    return bytes(changed)


def refused_or_understood(frames: list[bytes]) -> None:
    """What was understood can be said again."""
    try:
        envelope = unseal(frames)
    except RemoteProtocolError:
        return
    for again in seal(envelope.first, envelope.acknowledged, envelope.messages):
        assert unseal(again.frames).messages == envelope.messages


@given(st.lists(any_message, min_size=1, max_size=3), st.data())
def test_mutated_envelopes_are_refused_or_understood(messages: list[Any], data: st.DataObject) -> None:
    [sealed] = seal(1, 0, messages)
    refused_or_understood([mutated(sealed.frames[0], data), *sealed.frames[1:]])


@given(st.sampled_from(VECTORS), st.data())
def test_mutated_golden_vectors_are_refused_or_understood(vector: dict[str, Any], data: st.DataObject) -> None:
    body, *blobs = [bytes.fromhex(frame) for frame in vector["frames"]]
    refused_or_understood([mutated(body, data), *blobs[: data.draw(st.integers(0, len(blobs)))]])


def test_random_messages_are_of_both_modules() -> None:
    """Else these tests would say nothing about one of them: its classes have to be registered first."""
    of = {cls.__module__ for cls in MESSAGE_TYPES.values()}
    assert of == {"ppg_protocol.messages", "ppg_protocol.cluster_messages"}


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)


@given(st.sampled_from([*MESSAGE_TYPES, 45, 999]), st.lists(json_like, max_size=10))
def test_any_fields_are_refused_or_understood(number: int, fields: list[Any]) -> None:
    try:
        unseal([raw([number, *fields]), b"blob"])
    except RemoteProtocolError as error:
        assert str(error)  # noqa: PT017 - either way is fine


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ([33, 1, 2], r"Started: expected at least 3 fields, got 2"),
        ([33, 1, True, 2], r"Started.cores: expected an int in .*, got bool True"),
        ([33, 1, 2.0, 2], r"Started.cores: .* got float 2.0"),
        ([33, 1, 1 << 63, 2], r"Started.cores: .* 9223372036854775808"),
        ([21, [1, "2"]], r"Ack.attempts\[\]: .* got str"),
        ([21, [True]], r"Ack.attempts\[\]: .* got bool"),
        ([21, 5], r"Ack.attempts: expected an array, got int"),
        ([22, b"bytes"], r"Shutdown.reason: expected a str .* got bytes"),
        ([22, "x" * (limits.STRING_CHARS + 1)], r"Shutdown.reason: .* got 262145"),
        ([35, 1, "s", b"", [1.0, 1.0, 0]], r"Loaded.stdout: expected bytes, got str"),
        ([35, 1, b"", b"", [1.0, float("nan"), 0]], r"Loaded.usage.cpu_s: expected a finite float"),
        ([35, 1, b"", b"", [1, 1.0, 0]], r"Loaded.usage.runtime_s: .* got int 1"),
        ([35, 1, b"", b"", None], r"Loaded.usage: expected an array, got NoneType"),
        ([34, 1, 0, [[0, 0, -1, b""]], b"", b"", None, [0.0, 0.0, 0], None], r"Finished.files\[\].inode: .* -1"),
        ([16, 0, [], 0], r"Define.chunk: expected nil or the index of one of 0 blob frames, got int 0"),
        ([99], r"unknown type number 99"),
        ([], r"begins with a type number"),
        ([True], r"begins with a type number"),
        (5, r"begins with a type number"),
    ],
)
def test_a_malformed_message_is_named(message: Any, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        unseal([raw(message)])


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([], "0 frames"),
        ([raw()] + [b"x"] * (limits.ENVELOPE_BLOBS + 1), "66 frames"),
        ([bytes(limits.BODY_BYTES + 1)], "the limit is 8388608"),
        ([raw(*[[20, 1]] * (limits.ENVELOPE_MESSAGES + 1))], "at most 1024 messages"),
        ([raw(first=-1)], "first number"),
        ([raw(first=True)], "first number"),
        ([raw(acknowledged=1 << 63)], "acknowledged number"),
        ([raw({"a": 1})], "no msgpack within the limits"),
        ([raw() + b"\x00"], "no msgpack within the limits"),
        ([b"\x92\x01\x02"], "first, acknowledged, messages"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_envelope_is_named(frames: list[bytes], complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        unseal(frames)


def test_too_much_of_blobs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BLOB_BYTES", 100)
    with pytest.raises(RemoteProtocolError, match="blobs of 102 bytes; the limit is 100"):
        unseal([raw(), bytes(51), bytes(51)])


def test_fields_of_a_later_minor_version_are_ignored() -> None:
    assert unseal([raw([33, 1, 2, 3, "new", [4]], [20, 5])]).messages == (Started(1, 2, 3), Cancel(5))
    later = bytes(msgpack.packb([1, 0, [[34, 1, 0, [], b"", b"", None, [0.0, 0.0, 0, "new"], None, None, 0]], "new"]))
    assert unseal([later, b"a blob of the new field"]).messages == (FINISHED,)


def test_a_missing_field_with_a_default_is_filled_in() -> None:
    @dataclasses.dataclass(frozen=True)
    class Later:
        old: int
        new: int = 7

    Later.__annotations__ = {"old": int, "new": int}
    _, unpack = compile_field("Later", Later)
    assert unpack((1,), ()) == Later(1, 7)
    assert unpack((1, 2), ()) == Later(1, 2)


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (Ack((1, 1 << 63)), r"Ack.attempts\[\]"),
        (Ack([1]), r"Ack.attempts: expected an array, got list"),  # type: ignore[arg-type]
        (Ack((0,) * (limits.LIST_ITEMS + 1)), r"Ack.attempts: expected at most 1048576 items"),
        (Shutdown("x" * (limits.STRING_CHARS + 1)), r"Shutdown.reason"),
        (
            dataclasses.replace(FINISHED, stdout=bytes(limits.FIELD_BYTES + 1)),
            r"Finished.stdout: expected at most 1048576",
        ),
        (dataclasses.replace(FINISHED, files=(FileStat(0, 0, 1 << 64, b""),)), r"Finished.files\[\].inode"),
        (
            dataclasses.replace(FINISHED, files=(FileStat(1 << 40, 1 << 60, 1 << 50, bytes(16)),) * 200_000),
            r"a body holds",
        ),
        (dataclasses.replace(FINISHED, usage=Usage(float("inf"), 0.0, 0)), r"Finished.usage.runtime_s"),
        ("Run", r"expected an instance of a message class, got str"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_our_own_mistakes_stay_here(message: Any, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        seal(1, 0, [Started(1, 1, 1), message])


def test_senders_may_say_enum_members_and_whole_seconds() -> None:
    said = dataclasses.replace(FINISHED, outcome=Outcome.LOST, usage=Usage(2, 1, 0))
    [heard] = unseal(seal_one(1, 0, [said]).frames).messages
    assert heard == said
    assert type(heard.outcome) is int
    assert type(heard.usage.runtime_s) is float


def test_a_large_batch_is_cut_into_envelopes_within_the_limits() -> None:
    messages: list[Any] = []
    for number in range(3000):
        messages.append(Started(number, 1, 1))
        if number % 20 == 0:
            messages.append(Define(number, (), Blob(b"blob %d" % number)))
        if number % 500 == 0:
            messages.append(dataclasses.replace(FINISHED, stdout=bytes(700_000)))
    messages.append(Define(1, (), Blob(bytes(3 * limits.MIB))))
    messages.append(Heartbeat(tuple(range(400_000)), (), 0))
    heard: list[Any] = []
    for one in seal(1, 0, messages):
        assert one.first == len(heard) + 1
        assert one.count <= limits.ENVELOPE_MESSAGES
        assert len(one.frames) <= 1 + limits.ENVELOPE_BLOBS
        assert one.count == 1 or one.size_bytes <= limits.ENVELOPE_BYTES + limits.KIB
        heard += unseal(one.frames).messages
    assert heard == messages


def test_hello_stays_readable_for_other_majors() -> None:
    """The hello of a later major has these fields first, so a refusal can name its versions."""
    fields = list(dataclasses.astuple(hello(protocol_major=9)))
    assert unseal([raw([1, *fields, "new"], first=0)]).messages == (hello(protocol_major=9),)
