"""The pure functions behind the lambda phage pipeline, on made-up sequences and on the real ones."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import depth
import mapping
import pytest
import report
import sequences
import variants
from example_runs import PHAGE
from hypothesis import given
from hypothesis import strategies as st
from mapping import Alignment
from sequences import Read

DATA = PHAGE / "data"
GENOME = sequences.read_genome(DATA / "lambda_virus.fa.gz")
INDEX = mapping.index_seeds(GENOME, 16)


def place(bases: str, mismatch_percent: int = 15) -> Alignment:
    return mapping.map_read(Read("r", bases, "I" * len(bases)), 1, GENOME, INDEX, mismatch_percent)


def substitute(bases: str, *places: int) -> str:
    return "".join("ACGT"["ACGT".index(base) - 1] if at in places else base for at, base in enumerate(bases))


# ------------------------------------------------------------------------------------------------------------ the data


@pytest.mark.parametrize("name", ["lambda_virus.fa.gz", "reads_1.fq.gz", "reads_2.fq.gz"])
def test_the_data_are_what_their_readme_says(name: str) -> None:
    (stated,) = re.findall(rf"([0-9a-f]{{64}})  {name}", (DATA / "README.md").read_text())
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == stated


def test_the_genome() -> None:
    assert len(GENOME) == 48_502
    assert GENOME.startswith("GGGCGGCGACCTCGCGGG")
    assert set(GENOME) == set("ACGT")


def test_the_reads() -> None:
    for mate in (1, 2):
        reads = list(sequences.read_fastq(DATA / f"reads_{mate}.fq.gz"))
        assert [read.name for read in reads] == [f"r{number}" for number in range(1, 10_001)]
        assert min(len(read.bases) for read in reads) == 40


def test_mates_map_towards_each_other() -> None:
    """The two reads of a pair come from the ends of one short fragment; few lie across a rearrangement."""
    first, second = (
        [mapping.map_read(read, mate, GENOME, INDEX, 15) for read in islice(sequences.read_fastq(file), 500)]
        for mate, file in ((1, DATA / "reads_1.fq.gz"), (2, DATA / "reads_2.fq.gz"))
    )
    both = [(one, two) for one, two in zip(first, second, strict=True) if one.start >= 0 and two.start >= 0]
    assert len(both) > 350
    facing = [{one.strand, two.strand} == {"+", "-"} and abs(one.start - two.start) < 500 for one, two in both]
    assert sum(facing) > 0.99 * len(both)


# ----------------------------------------------------------------------------------------------------------- sequences


def test_reverse_complement() -> None:
    assert sequences.reverse_complement("AACGN") == "NCGTT"


@given(st.text("ACGTN"))
def test_reverse_complement_twice_is_nothing(bases: str) -> None:
    assert sequences.reverse_complement(sequences.reverse_complement(bases)) == bases


def test_fastq_round_trip(tmp_path: Path) -> None:
    reads = [Read("a", "ACGT", "@@@@"), Read("b", "N", "!")]
    (tmp_path / "r.fq").write_text(sequences.format_fastq(reads))
    assert list(sequences.read_fastq(tmp_path / "r.fq")) == reads


@pytest.mark.parametrize("text", ["@a\nACGT\n+\nIII\n", "a\nACGT\n+\nIIII\n", "@a\nACGT\n", "@a\nACGT\nIIII\n@b\n"])
def test_broken_fastq_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.fq").write_text(text)
    with pytest.raises(ValueError, match="broken record"):
        list(sequences.read_fastq(tmp_path / "r.fq"))


def test_two_sequences_are_refused(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(">a\nACGT\n>b\nACGT\n")
    with pytest.raises(ValueError, match="one sequence"):
        sequences.read_genome(tmp_path / "g.fa")


# ------------------------------------------------------------------------------------------------------------- mapping


@pytest.mark.parametrize("start", [0, 1, 1000, 48_502 - 60])
def test_exact_reads_map_where_they_come_from(start: int) -> None:
    bases = GENOME[start : start + 60]
    assert place(bases) == Alignment(start, "r", 1, "+", 0, bases)
    assert place(sequences.reverse_complement(bases)) == Alignment(start, "r", 1, "-", 0, bases)


def test_mismatches_are_counted_and_limited() -> None:
    bases = substitute(GENOME[5000:5100], 3, 50, 99)
    assert place(bases, mismatch_percent=3) == Alignment(5000, "r", 1, "+", 3, bases)
    assert place(bases, mismatch_percent=2).strand == mapping.UNMAPPED
    assert place("N" + bases[1:]).mismatches == 4


def test_a_read_from_elsewhere_is_unmapped() -> None:
    stranger = "".join(random.Random(7).choices("ACGT", k=80))
    assert place(stranger) == Alignment(-1, "r", 1, mapping.UNMAPPED, 0, stranger)


def test_a_read_longer_than_what_is_left_is_not_hung_over_the_end() -> None:
    assert place(GENOME[-40:] + "ACGTACGTAC").start == -1


def test_two_equally_good_places_are_ambiguous() -> None:
    unit = GENOME[:40]
    twice = unit + GENOME[100:150] + unit
    found = mapping.map_read(Read("r", unit, "I" * 40), 2, twice, mapping.index_seeds(twice, 10), 10)
    assert (found.start, found.strand) == (-1, mapping.AMBIGUOUS)
    better = twice[:60] + substitute(twice[60:], 45)
    found = mapping.map_read(Read("r", unit, "I" * 40), 2, better, mapping.index_seeds(better, 10), 10)
    assert (found.start, found.strand) == (0, "+")


@given(st.integers(0, len(GENOME) - 150), st.integers(50, 150), st.booleans(), st.sets(st.integers(0, 49), max_size=2))
def test_reads_with_few_errors_map_back(start: int, length: int, reverse: bool, errors: set[int]) -> None:
    """Two errors in 50 bases leave a seed of 16 intact; no stretch of 50 bases is in this genome twice."""
    bases = substitute(GENOME[start : start + length], *errors)
    found = place(sequences.reverse_complement(bases) if reverse else bases)
    assert found == Alignment(start, "r", 1, "-" if reverse else "+", len(errors), bases)


def test_alignments_round_trip(tmp_path: Path) -> None:
    alignments = [Alignment(-1, "b", 2, mapping.UNMAPPED, 0, "ACNT"), Alignment(7, "a", 1, "-", 3, "ACGT")]
    (tmp_path / "a.tsv").write_text(mapping.format_alignments(alignments))
    assert list(mapping.read_alignments(tmp_path / "a.tsv")) == alignments
    assert mapping.mapped(alignments) == alignments[1:]


def test_mapping_is_summarised(tmp_path: Path) -> None:
    alignments = [Alignment(start, "r", 1, "+", 0, "A") for start in (0, 9, 25)]
    alignments += [Alignment(-1, "r", 1, mapping.AMBIGUOUS, 0, "A"), Alignment(21, "r", 1, "-", 0, "A")]
    numbers = mapping.summarise_mapping(alignments, region_length=10)
    expected = {"reads": 5, "+": 3, "-": 1, "ambiguous": 1, "unmapped": 0, "region 0": 2, "region 20": 2}
    assert numbers == expected
    (tmp_path / "n.tsv").write_text(mapping.format_numbers(numbers))
    assert mapping.read_numbers(tmp_path / "n.tsv") == expected


# --------------------------------------------------------------------------------------------------------------- depth


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10))))
def test_depth_is_the_number_of_spans_over_each_base(spans: list[tuple[int, int]]) -> None:
    depths = depth.depth_per_base(spans, 40)
    assert depths == [sum(start <= base < start + length for start, length in spans) for base in range(40)]
    assert sum(depths) == sum(length for _, length in spans)


@given(st.integers(0, 100), st.integers(1, 1000), st.integers(1, 300))
def test_windows_cover_everything_once(start: int, length: int, width: int) -> None:
    over = depth.windows(start, start + length, width)
    assert [base for left, right in over for base in range(left, right)] == list(range(start, start + length))
    assert all(right - left == width for left, right in over[:-1])
    assert over[-1][1] - over[-1][0] <= 1.5 * width


def test_windows_of_the_genome() -> None:
    assert depth.windows(40_000, 48_502, 500)[-1] == (48_000, 48_502)
    assert depth.windows(0, 9, 4) == [(0, 4), (4, 9)]
    assert depth.windows(0, 10, 4) == [(0, 4), (4, 8), (8, 10)]
    assert depth.windows(0, 3, 10) == [(0, 3)]


@given(st.text("ACGT", min_size=12, max_size=60))
def test_mappability_against_all_pairs(genome: str) -> None:
    seeds = [genome[start : start + 6] for start in range(len(genome) - 5)]
    others = [*seeds, *map(sequences.reverse_complement, seeds)]

    def is_unique(seed: str) -> bool:
        return sum(sum(a != b for a, b in zip(seed, other, strict=True)) <= 1 for other in others) == 1

    assert depth.mappability(genome, 6) == [int(is_unique(seed)) for seed in seeds] + [0] * 5


def test_expected_depth_repeats_itself_and_means_what_it_says() -> None:
    over = depth.windows(0, 1000, 100)
    expected = depth.expected_depth([50] * 200, 1000, over, rounds=200, seed=3)
    assert expected == depth.expected_depth([50] * 200, 1000, over, rounds=200, seed=3)
    assert all(low < 200 * 50 / 1000 * 1.1 and high > 200 * 50 / 1000 * 0.8 for low, high in expected)
    assert depth.outside([10.0] * 10, expected) == 0
    assert depth.outside([10.0] * 9 + [50.0], expected) == 1


def test_coverage_table() -> None:
    rows = depth.coverage_table([2, 2, 0, 1], "GCAT", [1, 1, 1, 0], depth.windows(0, 4, 2))
    assert rows == [(1, 2, 2.0, 1.0, 1.0), (3, 4, 0.5, 0.0, 0.5)]
    assert depth.format_coverage(rows[:1]) == "start\tend\tdepth\tgc\tmappable\n1\t2\t2.0\t1.0\t1.0\n"


# ------------------------------------------------------------------------------------------------------------ variants


def test_a_substitution_is_found_and_shown(tmp_path: Path) -> None:
    """Ten reads over a genome of 20 bases: at position 5 nine of them read T instead of A, at 8 half of them."""
    genome = "CCCCCACCGCCCCCCCCCCC"
    alignments = [
        Alignment(0, "r", 1, "+" if number % 2 else "-", 0, "CCCCC" + "AT"[number > 0] + "CC" + "GA"[number % 2] + "C")
        for number in range(10)
    ]
    piles = variants.pile_up([*alignments, Alignment(5, "n", 1, "+", 0, "NCC")], len(genome))
    assert piles[5] == Counter(T=9, A=1)
    assert piles[10] == Counter()
    found = variants.call_variants(piles, genome, least_depth=8, least_share=0.9)
    assert found == [variants.Variant(5, "A", "T", 10, 0.9)]
    assert found[0].name == "00006_A_T"
    assert variants.call_variants(piles, genome, least_depth=11, least_share=0.9) == []
    shown = variants.evidence(alignments, 5)
    assert shown == {("T", "+"): 5, ("T", "-"): 4, ("A", "-"): 1}
    (tmp_path / "v.tsv").write_text(variants.format_variants(found))
    (tmp_path / "e.tsv").write_text(variants.format_evidence(shown))
    assert variants.read_variants(tmp_path / "v.tsv") == found
    assert variants.read_evidence(tmp_path / "e.tsv") == shown


# -------------------------------------------------------------------------------------------------------------- report


def test_summary_and_report() -> None:
    shown = Counter({("T", "+"): 2, ("A", "-"): 1})
    lines = report.summary_lines({"variants": 1, "mean depth": 39.12}, {"00006_A_T": shown})
    assert lines == ["variants\t1", "mean depth\t39.12", "variant 00006_A_T\tA- 1, T+ 2"]
    told = report.report_lines("\n".join(lines), {"+": 3, "-": 2, "reads": 10})
    assert told == ["variants: 1", "mean depth: 39.12", "share of reads mapped: 50.0%"]


def test_made_files_are_listed_with_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    many = tmp_path / "many"
    many.mkdir()
    for path in ("report.txt", "old", ".hidden", "logs/run", *(f"many/{number:02d}" for number in range(12))):
        (tmp_path / path).write_text(path)
    after = report.made_files(tmp_path)
    assert {path.name for path in after} == {"report.txt", "old", *(f"{number:02d}" for number in range(12))}
    before = {path: version for path, version in after.items() if path.parent != many}
    lines = report.made_lines(before, after, always=tmp_path / "report.txt")
    assert f"         84 bytes  {many}/ (12 files)  <- 12 made in this run" in lines
    assert f"          3 bytes  {tmp_path / 'old'}" in lines
    assert lines[-1] == "Made 12 files."
    again = report.made_lines(after, after, always=tmp_path / "report.txt")
    assert again[-1] == "Everything was up to date: nothing had to be done."
