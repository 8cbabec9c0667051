"""Seed and extend: where in the genome does a read come from?

Every seed (a substring of fixed length) of the read that occurs in the genome proposes a place; at each proposed place
the whole read is compared base by base, without gaps. The place with the fewest mismatches wins; two equally good
places make the read ambiguous, more mismatches than allowed make it unmapped. An N is a mismatch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import ne
from pathlib import Path
from typing import NamedTuple

from sequences import Read, reverse_complement

UNMAPPED = "unmapped"
AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class SeedIndex:
    seed_length: int
    positions: dict[str, list[int]]


class Alignment(NamedTuple):
    """Sorts by place. `bases` reads in the direction of the genome, whatever the strand."""

    start: int  # -1 where there is none
    name: str
    mate: int  # 1 or 2
    strand: str  # "+", "-", UNMAPPED or AMBIGUOUS
    mismatches: int
    bases: str


def index_seeds(genome: str, seed_length: int) -> SeedIndex:
    """Every position of every seed of the genome, in ascending order."""
    positions: dict[str, list[int]] = {}
    for start in range(len(genome) - seed_length + 1):
        positions.setdefault(genome[start : start + seed_length], []).append(start)
    return SeedIndex(seed_length, positions)


def candidate_starts(bases: str, genome_length: int, index: SeedIndex) -> set[int]:
    """Where a read would have to start for one of its seeds to lie where the genome has it."""
    starts = {
        position - offset
        for offset in range(len(bases) - index.seed_length + 1)
        for position in index.positions.get(bases[offset : offset + index.seed_length], ())
    }
    return {start for start in starts if 0 <= start <= genome_length - len(bases)}


def count_mismatches(bases: str, genome: str, start: int) -> int:
    return sum(map(ne, bases, genome[start : start + len(bases)]))


def map_read(read: Read, mate: int, genome: str, index: SeedIndex, mismatch_percent: int) -> Alignment:
    """The best place of a read on either strand with at most `mismatch_percent` % mismatches."""
    allowed = len(read.bases) * mismatch_percent // 100
    places = sorted(
        (mismatches, start, strand, bases)
        for strand, bases in (("+", read.bases), ("-", reverse_complement(read.bases)))
        for start in candidate_starts(bases, len(genome), index)
        if (mismatches := count_mismatches(bases, genome, start)) <= allowed
    )
    if not places:
        return Alignment(-1, read.name, mate, UNMAPPED, 0, read.bases)
    mismatches, start, strand, bases = places[0]
    if len(places) > 1 and places[1][0] == mismatches:
        return Alignment(-1, read.name, mate, AMBIGUOUS, mismatches, read.bases)
    return Alignment(start, read.name, mate, strand, mismatches, bases)


def format_alignments(alignments: Iterable[Alignment]) -> str:
    return "".join("\t".join(map(str, alignment)) + "\n" for alignment in alignments)


def read_alignments(path: Path) -> Iterator[Alignment]:
    with path.open(encoding="ascii") as file:
        for line in file:
            start, name, mate, strand, mismatches, bases = line.rstrip("\n").split("\t")
            yield Alignment(int(start), name, int(mate), strand, int(mismatches), bases)


def mapped(alignments: Iterable[Alignment]) -> list[Alignment]:
    return [alignment for alignment in alignments if alignment.start >= 0]


def summarise_mapping(alignments: list[Alignment], region_length: int) -> dict[str, int]:
    """Numbers of reads by outcome, and by the region of the genome ("region START") in which they begin."""
    outcomes = Counter(alignment.strand for alignment in alignments)
    regions = Counter(alignment.start // region_length * region_length for alignment in mapped(alignments))
    numbers = {"reads": len(alignments)}
    numbers |= {outcome: outcomes[outcome] for outcome in ("+", "-", AMBIGUOUS, UNMAPPED)}
    return numbers | {f"region {start}": regions[start] for start in sorted(regions)}


def format_numbers(numbers: dict[str, int]) -> str:
    return "".join(f"{name}\t{number}\n" for name, number in numbers.items())


def read_numbers(path: Path) -> dict[str, int]:
    rows = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines())
    return {name: int(number) for name, number in rows}
