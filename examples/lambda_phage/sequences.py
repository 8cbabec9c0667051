"""Reading genomes and reads.

Pure functions that know nothing of pypipegraph, as in the other helper files here: the pipeline calls them from its
jobs, the tests call them directly. Positions are 0-based and intervals half-open; the coverage tables and the names of
variants, made for people, count from 1.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


class Read(NamedTuple):
    name: str
    bases: str
    qualities: str


def reverse_complement(bases: str) -> str:
    return bases.translate(COMPLEMENT)[::-1]


def open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="ascii")
    return path.open(encoding="ascii")


def read_genome(path: Path) -> str:
    """The bases of a FASTA file that holds exactly one sequence, in upper case."""
    with open_text(path) as file:
        header, *lines = file.read().splitlines()
    if not header.startswith(">") or any(line.startswith(">") for line in lines):
        raise ValueError(f"{path}: expected a FASTA file with one sequence")
    return "".join(lines).upper()


def read_fastq(path: Path) -> Iterator[Read]:
    """The reads of a FASTQ file with four lines per read."""
    with open_text(path) as file:
        for header in file:
            bases, plus, qualities = (next(file, "").rstrip("\n") for _ in range(3))
            if not header.startswith("@") or not plus.startswith("+") or len(bases) != len(qualities):
                raise ValueError(f"{path}: broken record at {header.rstrip()!r}")
            yield Read(header[1:].split()[0], bases, qualities)


def format_fastq(reads: Iterable[Read]) -> str:
    return "".join(f"@{read.name}\n{read.bases}\n+\n{read.qualities}\n" for read in reads)
