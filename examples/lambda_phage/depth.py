"""Depth of coverage per window, and what to hold it against: GC content, mappability, chance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from mapping import Alignment
from sequences import reverse_complement

Window = tuple[int, int]  # start, end
CoverageRow = tuple[int, int, float, float, float]
COLUMNS = ["start", "end", "depth", "gc", "mappable"]  # start is 1-based, end inclusive


def windows(start: int, end: int, length: int) -> list[Window]:
    """Consecutive windows that cover start..end; a rest of less than half a window belongs to the last one."""
    number = max(1, (end - start + length // 2) // length)
    lefts = [start + place * length for place in range(number)]
    return list(zip(lefts, [*lefts[1:], end], strict=True))


def depth_per_base(spans: Iterable[tuple[int, int]], genome_length: int) -> list[int]:
    """How many of the (start, length) spans cover each base of the genome."""
    steps = [0] * (genome_length + 1)
    for start, length in spans:
        steps[start] += 1
        steps[start + length] -= 1
    return list(accumulate(steps[:-1]))


def spans(alignments: Iterable[Alignment]) -> list[tuple[int, int]]:
    return [(alignment.start, len(alignment.bases)) for alignment in alignments]


def mean_per_window(values: Sequence[int], over: Sequence[Window]) -> list[float]:
    return [sum(values[start:end]) / (end - start) for start, end in over]


def gc_content(genome: str, window: Window) -> float:
    bases = genome[slice(*window)]
    return (bases.count("G") + bases.count("C")) / len(bases)


def neighbours(seed: str) -> Iterable[str]:
    """Every sequence that differs from `seed` in exactly one base."""
    for place, old in enumerate(seed):
        before, after = seed[:place], seed[place + 1 :]
        for new in "ACGT":
            if new != old:
                yield before + new + after


def mappability(genome: str, seed_length: int) -> list[int]:
    """1 for each base at which a seed begins that is unique on both strands even after one sequencing error, else 0.

    Expensive: looks up 3 * seed_length neighbours of every position.
    """
    forward = [genome[start : start + seed_length] for start in range(len(genome) - seed_length + 1)]
    occurrences = Counter(forward)
    occurrences.update(map(reverse_complement, forward))
    unique = [
        int(occurrences[seed] == 1 and not any(other in occurrences for other in neighbours(seed))) for seed in forward
    ]
    return unique + [0] * (len(genome) - len(unique))


def expected_depth(
    lengths: Sequence[int], genome_length: int, over: Sequence[Window], rounds: int, seed: int
) -> list[tuple[float, float]]:
    """The range in which the depth of each window lies in 98 % of `rounds` random placements of reads of these lengths.

    Expensive, and the same at every call: the random numbers follow from `seed` alone.
    """
    rng = random.Random(seed)
    simulated = []
    for _ in range(rounds):
        placed = [(int(rng.random() * (genome_length - length + 1)), length) for length in lengths]
        simulated.append(mean_per_window(depth_per_base(placed, genome_length), over))
    tail = rounds // 100
    ranked = [sorted(depths) for depths in zip(*simulated, strict=True)]
    return [(depths[tail], depths[-1 - tail]) for depths in ranked]


def outside(observed: Sequence[float], expected: Sequence[tuple[float, float]]) -> int:
    """How many windows have a depth that chance does not explain."""
    return sum(not low <= depth <= high for depth, (low, high) in zip(observed, expected, strict=True))


def coverage_table(
    depths: Sequence[int], genome: str, mappable: Sequence[int], over: Sequence[Window]
) -> list[CoverageRow]:
    """A row of COLUMNS for each window: where it is, mean depth, GC content, share of mappable bases."""
    means = zip(over, mean_per_window(depths, over), mean_per_window(mappable, over), strict=True)
    return [
        (start + 1, end, round(depth, 2), round(gc_content(genome, (start, end)), 4), round(unique, 4))
        for (start, end), depth, unique in means
    ]


def format_coverage(rows: Iterable[CoverageRow]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in [COLUMNS, *rows])
