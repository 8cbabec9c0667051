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

from ppg_protocol.cluster_messages import (
    Answer,
    Ask,
    Cleared,
    CloseSession,
    Demand,
    DemandedShape,
    EndOlder,
    Exclude,
    Farewell,
    HeldShare,
    Holding,
    Leaving,
    Limit,
    LoadedData,
    MachineSize,
    OlderEnded,
    OpenSession,
    Prepare,
    Register,
    ResourceLimit,
    SessionEnded,
    Share,
    Shares,
    StartSession,
    StopSession,
    SupervisorEnded,
    Unfit,
    Variable,
)
from ppg_protocol.codec import Message
from ppg_protocol.envelope import seal_one
from ppg_protocol.messages import (
    Ack,
    Cancel,
    DataLost,
    Define,
    Finished,
    Heartbeat,
    Hello,
    Loaded,
    LoadFailed,
    Ready,
    Refuse,
    Retract,
    Retracted,
    Run,
    Shutdown,
    Started,
    Unload,
)
from ppg_protocol.records import AwaitedFile, Blob, Distribution, Failure, FileStat, Outcome, Usage

USAGE = Usage(1.5, 0.25, 123456789)
FAILURE = Failure("ValueError", "no reads in 'a.fastq'", "Traceback (most recent call last):\n…", b"\x80\x05.", -1, -1)
KILLED = Failure("JobDiedException", "killed by SIGKILL", "", b"", 9, -1)
STATS = (FileStat(0, -1, 0, b""), FileStat(1 << 40, 1_700_000_000_123_456_789, (1 << 64) - 1, bytes(range(16))))

SAMPLES: dict[str, Message] = {
    "hello": Hello(1, 0, "1.0.0", "3.12.1", "supervisor", "node7", "b00t", bytes(range(16)), "counts", 3),
    "refuse": Refuse("the pypipegraph versions of mcp on a and supervisor on b differ"),
    "define, a piece of the stream": Define(0, (0, 1, 2), Blob(b"pickle")),
    "define, a later piece of the stream": Define(0, (), Blob(b"more pickle"), 12),
    "define, what a generator made": Define(7, (100, 101), Blob(b"")),
    "run, least": Run(1, 0, (), 1, 0, (), False),
    "run, most": Run(
        (1 << 63) - 1,
        5,
        (1, 2, 300),
        -2,
        1 << 35,
        (AwaitedFile("out/\udcff.bam", 10, -1, "node7"),),
        True,
        (0, 1 << 33, 0),
    ),
    "retract": Retract((1, 2, 3)),
    "unload": Unload(4),
    "cancel": Cancel(5),
    "ack": Ack(()),
    "shutdown": Shutdown("done"),
    "prepare": Prepare(
        "/data/counts",
        ".ppg/nonce",
        bytes(range(16)),
        "/opt/venv/bin/python",
        "/data/counts/bin",
        0o022,
        ("", "/data/lib"),
        (Variable("LANG", "C.UTF-8"), Variable("ODD", "\udcff")),
        (ResourceLimit(7, 1024, -1),),
        "/data/counts/bin/count.py",
        3,
    ),
    "ready": Ready("b00t/c0", "nöde", 4711, 32, 1 << 37),
    "ready, over the network": Ready(
        "b00t/c0",
        "nöde",
        4711,
        32,
        1 << 37,
        "3.12.1",
        "1.0.0",
        "3.1.0",
        "/opt/venv/bin/python",
        1_700_000_000_123_456_789,
        (Distribution("numpy", "2.1.0"),),
        "/opt/venv/lib/python3.12/site-packages/ppg_mcp",
        "/opt/venv/lib/python3.12/site-packages/cloudpickle",
    ),
    "started": Started(1, 4, 4712),
    "finished, ok": Finished(1, Outcome.OK, STATS, b"out", b"", None, USAGE, Blob(b""), cores=4),
    "finished, generated": Finished(2, Outcome.OK, (), b"", b"", None, USAGE, Blob(b"\x00graph change")),
    "finished, generated for other machines": Finished(
        5, Outcome.OK, (), b"", b"", None, USAGE, Blob(b"\x00graph change"), Blob(b"pickle")
    ),
    "finished, exception": Finished(3, Outcome.EXCEPTION, (), b"", b"err\xff", FAILURE, USAGE, Blob(b"")),
    "finished, signal": Finished(4, Outcome.SIGNAL, (), b"", b"", KILLED, Usage(0.0, 0.0, 0), Blob(b"")),
    "loaded": Loaded(9, b"", b"warning", USAGE),
    "loaded, measured": Loaded(9, b"", b"", USAGE, 1 << 33),
    "load failed": LoadFailed(9, Outcome.EXCEPTION, b"", b"", FAILURE, USAGE),
    "load failed, lost": LoadFailed(9, Outcome.LOST, b"", b"", None, USAGE),
    "retracted": Retracted((1, 3)),
    "heartbeat": Heartbeat((1, 2), (9,), 1 << 33, 1 << 32),
    "heartbeat of the master": Heartbeat((), (), 0),
    "data lost": DataLost((9,), (2,), "killed by signal 9"),
    "farewell": Farewell("its ppg-slave is gone"),
    "unfit": Unfit("b00t", "node7 does not see /data/counts: mount it there"),
    "open session": OpenSession("counts", 3, "/data/counts", "tcp://10.0.0.2:40123"),
    "close session": CloseSession("counts"),
    "demand": Demand((DemandedShape(4, 1 << 33, 1000), DemandedShape(-2, 0, 1)), 1 << 34),
    "demand, none": Demand((), 0),
    "demand, with data": Demand((DemandedShape(1, 0, 3, 1 << 34),), 0, (LoadedData("b00t/c0", 1 << 33),)),
    "shares": Shares(17, (Share("b00t/c0", "node7", 8, 1 << 35, 32, 1 << 37),), "the others are held by another user"),
    "shares, none": Shares(18, (), ""),
    "shares, not decided": Shares(19, (), "it learns what is running, and shares out in 8 s", False),
    "shares, and how large machines are": Shares(20, (), "", True, (MachineSize(64, 1 << 35), MachineSize(8, 1 << 40))),
    "cleared": Cleared("b00t/c0", "node7"),
    "exclude": Exclude("b00t/c0", "node7 does not see /data/counts"),
    "register": Register("b00t/c0", 32, 1 << 37, (HeldShare("counts", 3, "/data/counts", 17, 8, 1 << 35),)),
    "register, holding nothing": Register("b00t/c0", 32, 1 << 37, ()),
    "register, beside others": Register("b00t/c0", 32, 1 << 37, (), "5eed", ("c0ffee", "f00d")),
    "start session": StartSession("counts", 3, "/data/counts", "tcp://10.0.0.2:40123"),
    "stop session": StopSession("counts", "its master is gone"),
    "end older": EndOlder("/data/counts", 3),
    "older ended": OlderEnded("/data/counts", 3),
    "limit": Limit("counts", 17, 8, 1 << 35),
    "holding": Holding("counts", 17, 9, 1 << 35),
    "session ended": SessionEnded("counts", 4711, "another pypipegraph", True),
    "session ended, not there": SessionEnded("counts", 0, "it does not run here", False, True),
    "supervisor ended": SupervisorEnded("b00t", "nöde", 4711, "killed by SIGKILL", False),
    "leaving": Leaving("SIGTERM"),
    "ask": Ask("drain", ("node7",)),
    "answer": Answer(True, "node7 is drained", Blob(b"")),
    "answer, a document": Answer(True, "", Blob(b'{"machines": []}')),
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
