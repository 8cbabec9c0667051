"""Map simulated reads to the genome of the phage lambda: every kind of job, used for what it is for.

Run it, run it again, edit something, run it again: README.md beside this file says what to try. The script reads from
top to bottom: parameters and inputs, mapping, then what is made from the mapped reads. The biology is in
sequences.py, mapping.py, depth.py, variants.py and report.py, which know nothing of pypipegraph.
"""

import argparse
import os
import sys
from itertools import islice
from pathlib import Path

import depth
import mapping
import report
import sequences
import variants

import pypipegraph as ppg

HERE = Path(__file__).resolve().parent
CHUNKS = 8  # of each of the two read files; a chunk is the unit of parallel work
REGION_LENGTH = 10_000

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--output", type=Path, default=HERE / "results", help="directory for everything that is made")
parser.add_argument("--seed-length", type=int, default=16, help="bases that must match exactly for a read to be tried")
parser.add_argument("--mismatch-percent", type=int, default=15, help="reads with more mismatches stay unmapped")
parser.add_argument("--window", type=int, default=500, help="bases per window of the coverage tables")
parser.add_argument("--rounds", type=int, default=1000, help="random placements for the expected depth (>= 100)")
parser.add_argument("--reads", type=int, default=10_000, help="use only so many reads of each file")
parser.add_argument("--quiet", action="store_true", help="no progress display")
args = parser.parse_args()

# Job ids, files and the record of what was done are relative to the current directory of new_pipegraph().
# With a directory logs/, the reasons for every decision are written to logs/ppg_run.txt.
for directory in ("chunks", "mapped", "coverage", "evidence", "cache", "logs"):
    (args.output / directory).mkdir(parents=True, exist_ok=True)
os.chdir(args.output)
ppg.new_pipegraph(quiet=args.quiet)

# --- Parameters, inputs, code: what jobs must notice when it changes --------------------------------------------------

seed_length = ppg.ParameterInvariant("seed_length", (args.seed_length,))
mismatch_percent = ppg.ParameterInvariant("mismatch_percent", (args.mismatch_percent,))
window_length = ppg.ParameterInvariant("window_length", (args.window,))
rounds = ppg.ParameterInvariant("rounds", (args.rounds,))
read_limit = ppg.ParameterInvariant("read_limit", (args.reads,))
region_length = ppg.ParameterInvariant("region_length", (REGION_LENGTH,))

GENOME = HERE / "data" / "lambda_virus.fa.gz"
READS = {mate: HERE / "data" / f"reads_{mate}.fq.gz" for mate in (1, 2)}


def code(*functions):
    """A job notices when its own callback is edited, but not what the callback calls: those functions are named."""
    return [ppg.FunctionInvariant(f"{function.__module__}.{function.__qualname__}", function) for function in functions]


# --- The genome, in memory --------------------------------------------------------------------------------------------


class Phage:
    """What the loading jobs below load. Jobs are forked from the process that did, so all of them see it, unpickled."""

    genome: str
    index: mapping.SeedIndex
    mappable: list[int]
    alignments: list[mapping.Alignment]
    expected: list[tuple[float, float]]


phage = Phage()

# An attribute that is quickly made. Loading jobs run only if a job that needs them has to run.
load_genome = ppg.AttributeLoadingJob("load genome", phage, "genome", lambda: sequences.read_genome(GENOME))
load_genome.depends_on(ppg.FileInvariant(GENOME), code(sequences.read_genome, sequences.open_text))


def build_index():
    phage.index = mapping.index_seeds(phage.genome, args.seed_length)


# Data that is loaded once and shared by all mapping jobs.
load_index = ppg.DataLoadingJob("load index", build_index)
load_index.depends_on(load_genome, seed_length, code(mapping.index_seeds))

# An attribute that is expensive: calculated when first needed, kept in a file, from then on loaded from there.
load_mappable = ppg.CachedAttributeLoadingJob(
    "cache/mappable", phage, "mappable", lambda: depth.mappability(phage.genome, args.seed_length)
)
load_mappable.depends_on(
    load_genome, seed_length, code(depth.mappability, depth.neighbours, sequences.reverse_complement)
)

# --- Reads: split, map in parallel, merge -----------------------------------------------------------------------------


def split_and_map(mate, number):
    """Two temporary files: gone once the merged alignments are there, and not missed on later runs."""
    chunk_file, mapped_file = f"chunks/{mate}_{number}.fq", f"mapped/{mate}_{number}.tsv"

    def split(output):
        reads = islice(sequences.read_fastq(READS[mate]), number, args.reads, CHUNKS)
        Path(output).write_text(sequences.format_fastq(reads), encoding="ascii")

    def map_chunk(output):
        reads = sequences.read_fastq(Path(chunk_file))
        alignments = [mapping.map_read(read, mate, phage.genome, phage.index, args.mismatch_percent) for read in reads]
        Path(output).write_text(mapping.format_alignments(alignments), encoding="ascii")

    chunk = ppg.TempFileGeneratingJob(chunk_file, split)
    chunk.depends_on(ppg.FileInvariant(READS[mate]), read_limit, ppg.ParameterInvariant("chunks", (CHUNKS,)))
    chunk.depends_on(code(sequences.read_fastq, sequences.open_text, sequences.format_fastq))
    job = ppg.TempFileGeneratingJob(mapped_file, map_chunk)
    job.depends_on(chunk, load_genome, load_index, mismatch_percent)
    job.depends_on(code(mapping.map_read, mapping.candidate_starts, mapping.count_mismatches))
    return job.depends_on(code(mapping.format_alignments, sequences.read_fastq, sequences.reverse_complement))


mapped_chunks = [split_and_map(mate, number) for mate in (1, 2) for number in range(CHUNKS)]
mapped_files = [job.job_id for job in mapped_chunks]


def merge(outputs):
    alignments_file, stats_file = map(Path, outputs)
    alignments = sorted(alignment for file in mapped_files for alignment in mapping.read_alignments(Path(file)))
    alignments_file.write_text(mapping.format_alignments(alignments), encoding="ascii")
    numbers = mapping.summarise_mapping(alignments, REGION_LENGTH)
    stats_file.write_text(mapping.format_numbers(numbers), encoding="ascii")


merged = ppg.MultiFileGeneratingJob(["alignments.tsv", "mapping_stats.tsv"], merge)
merged.depends_on(mapped_chunks, region_length, code(mapping.read_alignments, mapping.format_alignments))
merged.depends_on(code(mapping.summarise_mapping, mapping.mapped, mapping.format_numbers))


def load_merged():
    phage.alignments = mapping.mapped(mapping.read_alignments(Path("alignments.tsv")))


load_alignments = ppg.DataLoadingJob("load alignments", load_merged)
load_alignments.depends_on(merged, code(mapping.read_alignments, mapping.mapped))

# --- Coverage: which tables there are follows from the data -----------------------------------------------------------

DEPTH_CODE = code(depth.windows, depth.depth_per_base, depth.spans, depth.mean_per_window)
TABLE_CODE = code(depth.coverage_table, depth.gc_content) + DEPTH_CODE


def coverage_rows(start, end):
    depths = depth.depth_per_base(depth.spans(phage.alignments), len(phage.genome))
    return depth.coverage_table(depths, phage.genome, phage.mappable, depth.windows(start, end, args.window))


def coverage_job(start):
    def write_coverage(output):
        rows = coverage_rows(start, min(start + REGION_LENGTH, len(phage.genome)))
        Path(output).write_text(depth.format_coverage(rows), encoding="ascii")

    job = ppg.FileGeneratingJob(f"coverage/from_{start + 1:05d}.tsv", write_coverage)
    job.depends_on(load_genome, load_alignments, load_mappable, window_length, region_length)
    return job.depends_on(TABLE_CODE, code(coverage_rows, depth.format_coverage))


def generate_coverage_jobs():
    for name in mapping.read_numbers(Path("mapping_stats.tsv")):
        if name.startswith("region "):
            coverage_job(int(name.removeprefix("region ")))


# Generating jobs run every time, so what they need should be quickly read.
ppg.JobGeneratingJob("coverage of each region with reads", generate_coverage_jobs).depends_on(merged)

# --- Expected depth: an expensive value once more, put where it belongs by a function ---------------------------------


def simulate_depth():
    lengths = [len(alignment.bases) for alignment in phage.alignments]
    over = depth.windows(0, len(phage.genome), args.window)
    return depth.expected_depth(lengths, len(phage.genome), over, args.rounds, seed=1)


def keep_expected(value):
    phage.expected = value


load_expected = ppg.CachedDataLoadingJob("cache/expected_depth", simulate_depth, keep_expected)
load_expected.depends_on(load_genome, load_alignments, window_length, rounds, DEPTH_CODE, code(depth.expected_depth))

# --- A plot: the calculated table is cached, so an edit of draw() alone redraws only ----------------------------------


def coverage_frame():
    import pandas as pd  # here, not above: a run that draws nothing should not wait for it

    rows = coverage_rows(0, len(phage.genome))
    frame = pd.DataFrame(rows, columns=depth.COLUMNS)
    return frame.assign(low=[low for low, _ in phage.expected], high=[high for _, high in phage.expected])


def draw(frame):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    middle = (frame["start"] + frame["end"]) / 2
    above.fill_between(middle, frame["low"], frame["high"], color="0.85", label="98 % of random placements")
    above.plot(middle, frame["depth"], color="tab:blue", label="reads")
    above.set(ylabel="mean depth", ylim=(0, None), title="Phage lambda: depth of coverage")
    above.legend(loc="lower right")
    below.plot(middle, 100 * frame["gc"], color="tab:green")
    below.set(xlabel="position in the genome", ylabel="GC content (%)")
    return figure


# Without the name and version of the software in it, the file is the same byte for byte whenever it is drawn.
plot = ppg.PlotJob("coverage.png", coverage_frame, draw, render_args={"dpi": 100, "metadata": {"Software": None}})
plot.depends_on(load_genome, load_alignments, load_mappable, load_expected, window_length)
plot.depends_on(TABLE_CODE, code(coverage_rows))

# --- Variants, and a summary that waits for jobs nobody knows beforehand ----------------------------------------------


def write_variants(output):
    piles = variants.pile_up(phage.alignments, len(phage.genome))
    found = variants.call_variants(piles, phage.genome, least_depth=8, least_share=0.9)
    Path(output).write_text(variants.format_variants(found), encoding="ascii")


called = ppg.FileGeneratingJob("variants.tsv", write_variants, empty_ok=True)
called.depends_on(load_genome, load_alignments)
called.depends_on(code(variants.pile_up, variants.call_variants, variants.format_variants))


def evidence_file(variant):
    return Path("evidence") / f"{variant.name}.tsv"


def evidence_job(variant):
    position = variant.position

    def write_evidence(output):
        shown = variants.evidence(phage.alignments, position)
        Path(output).write_text(variants.format_evidence(shown), encoding="ascii")

    job = ppg.FileGeneratingJob(evidence_file(variant), write_evidence)
    return job.depends_on(load_alignments, code(variants.evidence, variants.format_evidence))


def evidence_jobs():
    return [evidence_job(variant) for variant in variants.read_variants(Path("variants.tsv"))]


# The jobs that the callback returns become prerequisites of everything that depends on the DependencyInjectionJob.
inject_evidence = ppg.DependencyInjectionJob("evidence for each variant", evidence_jobs).depends_on(called)


def write_summary(output):
    over = depth.windows(0, len(phage.genome), args.window)
    depths = depth.depth_per_base(depth.spans(phage.alignments), len(phage.genome))
    found = variants.read_variants(Path("variants.tsv"))
    numbers = {
        "bases of the genome": len(phage.genome),
        "mapped reads": len(phage.alignments),
        "mean depth": round(sum(depths) / len(depths), 2),
        "windows": len(over),
        "windows with unexpected depth": depth.outside(depth.mean_per_window(depths, over), phage.expected),
        "variants": len(found),
    }
    evidence = {variant.name: variants.read_evidence(evidence_file(variant)) for variant in found}
    Path(output).write_text("\n".join(report.summary_lines(numbers, evidence)) + "\n", encoding="ascii")


summary = ppg.FileGeneratingJob("summary.tsv", write_summary)
summary.depends_on(inject_evidence, called, load_genome, load_alignments, load_expected, window_length)
summary.depends_on(DEPTH_CODE, code(depth.outside, report.summary_lines))
summary.depends_on(code(evidence_file, variants.read_variants, variants.read_evidence))

# --- A report at the end of every run in which nothing failed ---------------------------------------------------------


def write_report():
    numbers = mapping.read_numbers(Path("mapping_stats.tsv"))
    lines = report.report_lines(Path("summary.tsv").read_text(encoding="ascii"), numbers)
    Path("report.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


ppg.FinalJob("report", write_report)

# --- Run, and say what was made ---------------------------------------------------------------------------------------


before = report.made_files(Path())
try:
    ppg.run()
except ppg.RuntimeError as error:
    sys.exit(f"{error}\nThe pipeline failed; what is finished is kept. See {Path('logs/ppg_errors.txt').resolve()}")
print(Path("report.txt").read_text(encoding="ascii"))
print(f"In {Path.cwd()}:")
print("\n".join(report.made_lines(before, report.made_files(Path()), always=Path("report.txt"))))
