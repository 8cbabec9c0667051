"""When, on what, and with which versions something was measured: one sentence."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ppg_mcp.version import __version__

ROOT = Path(__file__).parents[1]
LOAD_AT_START = os.getloadavg()[0]


def describe(versions: Sequence[str]) -> str:
    ours = f"pypipegraph {__version__} ({_commit()})"
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{datetime.date.today()} on {len(os.sched_getaffinity(0))} cores of {_processor()}, {memory_gib:.0f} GiB, "
        f"Linux {kernel}, {_distribution()}, load {LOAD_AT_START:.1f} at the start; "
        f"CPython {platform.python_version()}; {', '.join([ours, *versions])}"
    )


def _commit() -> str:
    """What was measured; changes of the documents, which the benchmarks write themselves, are none."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":!docs")
    return f"{head or 'not in a repository'}{', with changes' if changed else ''}"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown distribution")
