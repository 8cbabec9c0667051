"""What a job process says about itself, and its encoding on the board.

The reader is the supervisor, which unpickles nothing and trusts nothing: whatever does not decode into the expected
shape counts as `no report`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgpack

from ppg_protocol.records import Failure, FileStat


@dataclass(frozen=True, slots=True)
class Reached:
    """Written right before the callback: from here on the outputs are the job's, and must go if it dies."""

    job_id: str
    paths: tuple[str, ...]
    rename_broken: bool


@dataclass(frozen=True, slots=True)
class Result:
    """How it went. `clean`: when it was written no descendant and no other thread lived that could go on writing."""

    clean: bool
    files: tuple[FileStat, ...]
    failure: Failure | None
    generated: bytes
    chunk: bytes = b""
    """What brings generated jobs to other machines; empty when embedded."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of an attempt once its process is gone. `stdout`, `stderr`: tails."""

    reached: Reached | None
    result: Result | None
    stdout: bytes
    stderr: bytes


NOTHING = Report(None, None, b"", b"")


_pack = msgpack.Packer(unicode_errors="surrogatepass", buf_size=4096).pack
"""One for all: `msgpack.packb` makes a packer with a buffer of 256 KiB per call."""


def encode_reached(job_id: str, paths: tuple[str, ...], rename_broken: bool) -> bytes:
    """Body of a *reached* record. Surrogates (`os.fsdecode`) travel as such."""
    body: bytes = _pack((job_id, paths, rename_broken))
    return body


def decode_reached(body: bytes | None) -> Reached | None:
    """The record, None when there is none that can be read."""
    try:
        job_id, paths, rename = msgpack.unpackb(body or b"", unicode_errors="surrogatepass")
        return Reached(str(job_id), tuple(map(str, paths)), bool(rename))
    except Exception:
        return None


def encode_result(
    clean: bool,
    files: list[tuple[int, int, int, bytes]],
    failure: Failure | None,
    generated: bytes = b"",
    chunk: bytes = b"",
) -> bytes:
    """Body of a *result* record; `files` as the fields of FileStat."""
    fields = None
    if failure is not None:
        f = failure
        fields = (f.type_name, f.text, f.traceback, f.pickled, f.signal, f.exit_code)
    body: bytes = _pack((clean, files, fields, generated, chunk))
    return body


def decode_result(body: bytes | None) -> Result | None:
    """The record, None when there is none that can be read."""
    try:
        clean, files, fields, generated, chunk = msgpack.unpackb(body or b"", unicode_errors="surrogatepass")
        stats = tuple(FileStat(int(s), int(m), int(i), bytes(d)) for s, m, i, d in files)
        failure = None
        if fields is not None:
            kind, text, trace, pickled, signal, code = fields
            failure = Failure(str(kind), str(text), str(trace), bytes(pickled), int(signal), int(code))
        return Result(bool(clean), stats, failure, bytes(generated), bytes(chunk))
    except Exception:
        return None
