"""What the pipeline says in words: the summary table, the report, the list of what was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

FileVersion = tuple[int, int]  # inode, mtime in ns: another one is another version of the file
LISTED_PER_DIRECTORY = 10


def summary_lines(numbers: Mapping[str, object], evidence: Mapping[str, Counter[tuple[str, str]]]) -> list[str]:
    """One line per number, then one per variant with what the reads show there."""
    lines = [f"{name}\t{number}" for name, number in numbers.items()]
    for variant, shown in evidence.items():
        seen = ", ".join(f"{base}{strand} {shown[base, strand]}" for base, strand in sorted(shown))
        lines.append(f"variant {variant}\t{seen}")
    return lines


def report_lines(summary: str, numbers: Mapping[str, int]) -> list[str]:
    """The numbers of the summary, without the variants, and the share of the reads that could be mapped."""
    rows = [line.split("\t") for line in summary.splitlines()]
    share = (numbers["+"] + numbers["-"]) / numbers["reads"]
    told = [f"{name}: {value}" for name, value in rows if not name.startswith("variant ")]
    return [*told, f"share of reads mapped: {share:.1%}"]


def made_files(directory: Path) -> dict[Path, FileVersion]:
    """Everything that jobs made, cached values included; without logs and hidden files."""
    versions = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.relative_to(directory).parts[0] != "logs":
            versions[path] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return versions


def made_lines(before: Mapping[Path, FileVersion], after: Mapping[Path, FileVersion], always: Path) -> list[str]:
    """The files with their sizes, full directories in one line. `always` is made every time and thus no news."""
    new = {path for path in after if after[path] != before.get(path) and path != always}
    by_directory: dict[Path, list[Path]] = {}
    for path in after:
        by_directory.setdefault(path.parent, []).append(path)
    lines = []
    for directory, paths in by_directory.items():
        groups = [(str(path), [path]) for path in paths]
        if len(paths) > LISTED_PER_DIRECTORY:
            groups = [(f"{directory}/ ({len(paths)} files)", paths)]
        for name, group in groups:
            size = sum(path.stat().st_size for path in group)
            made = len(new.intersection(group))
            lines.append(f"{size:>11,} bytes  {name}{f'  <- {made} made in this run' if made else ''}")
    return [*lines, f"Made {len(new)} files." if new else "Everything was up to date: nothing had to be done."]
