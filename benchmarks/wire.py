"""What a message costs on the wire, without the wire: encoding and decoding in envelopes of 32.

    python benchmarks/wire.py [--messages 20000]

The best of the repeats counts: there is nothing in it that could be slow for a reason.
"""

from __future__ import annotations

import timeit
from collections.abc import Sequence

from _experiment import Experiment

from ppg_protocol.envelope import seal, unseal
from ppg_protocol.messages import Finished, Heartbeat, Run, Started
from ppg_protocol.records import AwaitedFile, Blob, FileStat, Outcome, Usage

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


def main() -> None:
    experiment = Experiment(__file__, __doc__, repeats=7, messages=((20_000,), (64,)))
    experiment.report.statistic = "the best"
    (messages,) = experiment.options.messages
    table = []
    for name, message in SAMPLES.items():
        encode_us, decode_us = best_us([message] * BATCH, max(1, messages // BATCH), experiment.repeats)
        table.append([name, *(f"{value:.1f} us" for value in (encode_us, decode_us, encode_us + decode_us))])
    experiment.report.table(["message", "encode", "decode", "both"], table)
    experiment.finish()


def best_us(messages: Sequence[object], rounds: int, repeats: int) -> tuple[float, float]:
    """Encoding and decoding, per message of one envelope."""
    [sealed] = seal(1, 0, messages)
    encode_s = min(timeit.repeat(lambda: seal(1, 0, messages), number=rounds, repeat=repeats))
    decode_s = min(timeit.repeat(lambda: unseal(sealed.frames), number=rounds, repeat=repeats))
    return encode_s / rounds / len(messages) * 1e6, decode_s / rounds / len(messages) * 1e6


if __name__ == "__main__":
    main()
