"""Virtual environments of the engines that are measured beside this one, made once and kept.

Each has a directory of its own below `--venvs`, named after the peer and the version of Python, with a stamp that holds
what was installed. A peer that does not install is reported and left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = {
    "original": ["pypipegraph==0.197", "six"],
    "successor": ["pypipegraph2"],
    "snakemake": ["snakemake"],
    "ninja": ["ninja"],
    "dask": ["distributed"],
}
DISTRIBUTION = {
    "original": "pypipegraph",
    "successor": "pypipegraph2",
    "snakemake": "snakemake",
    "ninja": "ninja",
    "dask": "distributed",
}
ENGINES = ("original", "successor")
"""Those that programs/engines.py can drive."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pypipegraph-benchmarks"


def installed(peer: str, venvs: Path) -> Path | None:
    """The directory of the peer's programs; None, after a word on why, if it can't be had."""
    directory = venvs / f"{peer}-{sys.version_info.major}.{sys.version_info.minor}"
    stamp, wanted = directory / "installed", "\n".join(REQUIREMENTS[peer])
    if stamp.exists() and stamp.read_text() == wanted:
        return directory / "bin"
    print(f"installing {peer} into {directory} …", file=sys.stderr)
    shutil.rmtree(directory, ignore_errors=True)
    venv.create(directory, with_pip=True)
    command = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", *REQUIREMENTS[peer]]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"{peer} is left out, it does not install:\n{done.stderr[-1000:]}", file=sys.stderr)
        return None
    stamp.write_text(wanted)
    return directory / "bin"


def version(peer: str, programs: Path) -> str:
    """Name and version as its distribution states them."""
    code = f"from importlib.metadata import version; print(version({DISTRIBUTION[peer]!r}))"
    done = subprocess.run([str(programs / "python"), "-c", code], capture_output=True, text=True, check=True)
    return f"{DISTRIBUTION[peer]} {done.stdout.strip()}"
