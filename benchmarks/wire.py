"""What a message costs on the wire, without the wire: `python benchmarks/wire.py`. Microseconds, best of 7."""

from __future__ import annotations

import timeit
from collections.abc import Sequence

from ppg_protocol.envelope import seal, unseal
from ppg_protocol.messages import AwaitedFile, Blob, FileStat, Finished, Heartbeat, Outcome, Run, Started, Usage

BATCH = 32
SAMPLES = {
    "Run": Run(123456, 54321, (12, 17), 1, 0, (), False),
    "Run, one awaited file": Run(123456, 54321, (12, 17), 1, 0, (AwaitedFile("results/a.bam", 10**9, 10**18),), False),
    "Started": Started(123456, 1, 4711),
    "Finished": Finished(
        123456,
        Outcome.OK,
        (FileStat(10**6, 10**18, 2**33, b"d" * 16),),
        b"",
        b"",
        None,
        Usage(1.5, 1.4, 10**8),
        Blob(b""),
    ),
    "Heartbeat of 100 attempts": Heartbeat(tuple(range(10**6, 10**6 + 100)), (), 10**9),
}


def best_us(messages: Sequence[object]) -> tuple[float, float]:
    """Encoding and decoding, per message of one envelope."""
    [sealed] = seal(1, 0, messages)
    rounds = 20_000 // len(messages)
    encode_s = min(timeit.repeat(lambda: seal(1, 0, messages), number=rounds, repeat=7))
    decode_s = min(timeit.repeat(lambda: unseal(sealed.frames), number=rounds, repeat=7))
    return encode_s / rounds / len(messages) * 1e6, decode_s / rounds / len(messages) * 1e6


def main() -> None:
    print(f"us per message in envelopes of {BATCH}{'':4}encode  decode    both")
    for name, message in SAMPLES.items():
        encode_us, decode_us = best_us([message] * BATCH)
        print(f"{name:36}{encode_us:8.2f}{decode_us:8.2f}{encode_us + decode_us:8.2f}")


if __name__ == "__main__":
    main()
