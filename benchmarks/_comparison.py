"""Contestants side by side: what each took, and how often as much as the ones it is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from _report import seconds
from _turns import Sample

SHOWN = {
    "floor": "floor",
    "ours": "this engine",
    "original": "pypipegraph",
    "successor": "pypipegraph2",
    "snakemake": "Snakemake",
    "ninja": "ninja",
    "dask": "Dask.distributed",
}


def head(unit: str, against: Sequence[str]) -> list[str]:
    """The columns of `rows`."""
    return [unit, "", "runs", "wall", "CPU", "wall each", *(f"x {shown(name)} (CPU)" for name in against)]


def rows(size: int, samples: Mapping[str, Sample], against: Sequence[str]) -> list[list[str]]:
    """One line per contestant. Ratios are of wall time, in brackets of CPU time."""
    return [
        [
            f"{size:,}",
            shown(name),
            f"{len(sample.costs)}",
            seconds(sample.wall_s),
            seconds(sample.cpu_s),
            each(sample.wall_s, size),
            *(_ratios(sample, samples.get(other)) for other in against),
        ]
        for name, sample in samples.items()
    ]


def each(wall_s: float, size: int) -> str:
    """Per job."""
    if not size:
        return "-"
    each_us = 1e6 * wall_s / size
    return f"{each_us:.0f} us" if each_us < 1000 else f"{each_us / 1000:.2f} ms"


def shown(name: str) -> str:
    return SHOWN.get(name, name)


def _ratios(sample: Sample, other: Sample | None) -> str:
    if other is None or other is sample:
        return "-"
    return f"{sample.wall_s / other.wall_s:.2f} ({sample.cpu_s / max(other.cpu_s, 0.001):.2f})"
