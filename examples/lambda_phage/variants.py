"""Where do the reads agree on another base than the genome's?

The reads were simulated from a copy of the genome with substitutions, small insertions and deletions, and a few
rearrangements. Reads are compared without gaps, so that only substitutions are found; the rest shows as a lack of
mapped reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mapping import Alignment


class Variant(NamedTuple):
    position: int
    reference: str
    alternative: str
    depth: int
    share: float  # of the depth that shows the alternative

    @property
    def name(self) -> str:
        return f"{self.position + 1:05d}_{self.reference}_{self.alternative}"


def pile_up(alignments: Iterable[Alignment], genome_length: int) -> list[Counter[str]]:
    """For each base of the genome: how many reads show which base there. N shows nothing."""
    piles: list[Counter[str]] = [Counter() for _ in range(genome_length)]
    for alignment in alignments:
        for position, base in enumerate(alignment.bases, alignment.start):
            if base != "N":
                piles[position][base] += 1
    return piles


def call_variants(piles: Iterable[Counter[str]], genome: str, least_depth: int, least_share: float) -> list[Variant]:
    """The positions at which at least `least_share` of at least `least_depth` reads show the same other base."""
    found = []
    for position, (pile, reference) in enumerate(zip(piles, genome, strict=True)):
        depth = pile.total()
        if depth < least_depth:
            continue
        alternative, count = max(pile.items(), key=lambda item: (item[1], item[0]))
        if alternative != reference and count / depth >= least_share:
            found.append(Variant(position, reference, alternative, depth, round(count / depth, 4)))
    return found


def format_variants(variants: Iterable[Variant]) -> str:
    return "".join("\t".join(map(str, variant)) + "\n" for variant in variants)


def read_variants(path: Path) -> list[Variant]:
    rows = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines())
    return [
        Variant(int(position), reference, alternative, int(depth), float(share))
        for position, reference, alternative, depth, share in rows
    ]


def evidence(alignments: Iterable[Alignment], position: int) -> Counter[tuple[str, str]]:
    """How many reads show which base at a position, by (base, strand): a real variant shows on both strands."""
    return Counter(
        (alignment.bases[position - alignment.start], alignment.strand)
        for alignment in alignments
        if alignment.start <= position < alignment.start + len(alignment.bases)
    )


def format_evidence(shown: Counter[tuple[str, str]]) -> str:
    return "".join(f"{base}\t{strand}\t{shown[base, strand]}\n" for base, strand in sorted(shown))


def read_evidence(path: Path) -> Counter[tuple[str, str]]:
    rows = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines())
    return Counter({(base, strand): int(count) for base, strand, count in rows})
