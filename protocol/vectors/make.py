"""Writes the golden vectors, one JSON file per message type: `python protocol/vectors/make.py`.

A file is a list of `{"name", "first", "acknowledged", "message": {"type", "fields"}, "frames": [hex, …]}`. In fields,
bytes are `{"hex": "…"}`, nested records objects, lists arrays, absent values null. Strings may hold escaped lone
surrogates.

Run it after adding a message or appending a field, and read the diff: a changed frame of an existing vector means
that older peers no longer understand this message, so PROTOCOL_MAJOR must be raised. The tests never run this script.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re

from ppg_protocol.codec import Message
from ppg_protocol.envelope import seal_one
from ppg_protocol.messages import (
    Ack,
    AwaitedFile,
    Blob,
    Cancel,
    DataLost,
    Define,
    Failure,
    FileStat,
    Finished,
    Heartbeat,
    Hello,
    Loaded,
    LoadFailed,
    Outcome,
    Ready,
    Refuse,
    Retract,
    Retracted,
    Run,
    Shutdown,
    Started,
    Unload,
    Usage,
)

USAGE = Usage(1.5, 0.25, 123456789)
FAILURE = Failure("ValueError", "no reads in 'a.fastq'", "Traceback (most recent call last):\n…", b"\x80\x05.", -1, -1)
KILLED = Failure("JobDiedException", "killed by SIGKILL", "", b"", 9, -1)
STATS = (FileStat(0, -1, 0, b""), FileStat(1 << 40, 1_700_000_000_123_456_789, (1 << 64) - 1, bytes(range(16))))

SAMPLES: dict[str, Message] = {
    "hello": Hello(1, 0, "1.0.0", "3.12.1", "supervisor", "node7", "b00t", bytes(range(16)), "counts", 3),
    "refuse": Refuse("the Python versions of mcp on a and supervisor on b differ"),
    "define, a piece of the stream": Define(0, (0, 1, 2), Blob(b"pickle")),
    "define, what a generator made": Define(7, (100, 101), Blob(b"")),
    "run, least": Run(1, 0, (), 1, 0, (), False),
    "run, most": Run(
        (1 << 63) - 1, 5, (1, 2, 300), -2, 1 << 35, (AwaitedFile("out/\udcff.bam", 10, -1),), True, (0, 1 << 33, 0)
    ),
    "retract": Retract((1, 2, 3)),
    "unload": Unload(4),
    "cancel": Cancel(5),
    "ack": Ack(()),
    "shutdown": Shutdown("done"),
    "ready": Ready("b00t/c0", "nöde", 4711, 32, 1 << 37),
    "started": Started(1, 4, 4712),
    "finished, ok": Finished(1, Outcome.OK, STATS, b"out", b"", None, USAGE, Blob(b"")),
    "finished, generated": Finished(2, Outcome.OK, (), b"", b"", None, USAGE, Blob(b"\x00graph change")),
    "finished, exception": Finished(3, Outcome.EXCEPTION, (), b"", b"err\xff", FAILURE, USAGE, Blob(b"")),
    "finished, signal": Finished(4, Outcome.SIGNAL, (), b"", b"", KILLED, Usage(0.0, 0.0, 0), Blob(b"")),
    "loaded": Loaded(9, b"", b"warning", USAGE),
    "load failed": LoadFailed(9, Outcome.EXCEPTION, b"", b"", FAILURE, USAGE),
    "load failed, lost": LoadFailed(9, Outcome.LOST, b"", b"", None, USAGE),
    "retracted": Retracted((1, 3)),
    "heartbeat": Heartbeat((1, 2), (9,), 1 << 33),
    "heartbeat of the master": Heartbeat((), (), 0),
    "data lost": DataLost((9,), (2,), "killed by signal 9"),
}


def as_json(value: object) -> object:
    """The value as the vectors show it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, tuple):
        return [as_json(one) for one in value]
    if dataclasses.is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def vector(name: str, message: Message) -> dict[str, object]:
    """One vector: the message alone in an envelope; hello and refuse are not numbered."""
    first, acknowledged = (0, 0) if isinstance(message, Hello | Refuse) else (1000, 70000)
    return {
        "name": name,
        "first": first,
        "acknowledged": acknowledged,
        "message": {"type": type(message).__name__, "fields": as_json(message)},
        "frames": [frame.hex() for frame in seal_one(first, acknowledged, [message]).frames],
    }


def main() -> None:
    files: dict[str, list[dict[str, object]]] = {}
    for name, message in SAMPLES.items():
        stem = re.sub("(?<!^)(?=[A-Z])", "_", type(message).__name__).lower()
        files.setdefault(stem, []).append(vector(name, message))
    for stem, vectors in files.items():
        path = pathlib.Path(__file__).with_name(f"{stem}.json")
        path.write_text(json.dumps(vectors, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
