"""Which engine is installed here, and where. Looked up when asked for: compute slaves import nothing of the master."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec


def engine_version() -> str:
    """Of the engine that this interpreter finds, empty if there is none."""
    try:
        version: str = import_module("ppg_mcp.version").__version__
    except ImportError:
        return ""
    return version


def package_path(name: str) -> str:
    """The directory of a package that this interpreter finds, empty if there is none."""
    spec = find_spec(name)
    return os.path.dirname(spec.origin) if spec is not None and spec.origin else ""
