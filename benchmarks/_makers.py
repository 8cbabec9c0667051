"""Snakemake and ninja: the same independent jobs in their own language."""

from __future__ import annotations

import os
from pathlib import Path

SNAKEFILE = """
rule all:
    input: [f"out_{{number}}.txt" for number in range({jobs})]
rule write:
    output: "out_{{number}}.txt"
    shell: "printf hello > {{output}}"
"""


def snakemake_command(programs: Path, work: Path, jobs: int) -> list[str]:
    """Writes the Snakefile; run the command once for a cold, again for a null run."""
    (work / "Snakefile").write_text(SNAKEFILE.format(jobs=jobs))
    return [str(programs / "snakemake"), "--cores", str(len(os.sched_getaffinity(0))), "--quiet"]


def ninja_command(programs: Path, work: Path, jobs: int) -> list[str]:
    """Writes build.ninja; run the command once for a cold, again for a null run."""
    builds = "".join(f"build out_{number}.txt: write\n" for number in range(jobs))
    (work / "build.ninja").write_text(f"rule write\n  command = printf hello > $out\n{builds}")
    return [str(programs / "ninja"), "--quiet"]
