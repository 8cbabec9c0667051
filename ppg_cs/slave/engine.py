"""Which engine is installed here. It is looked up when asked for: compute slaves import nothing of the master."""

from __future__ import annotations

from importlib import import_module


def engine_version() -> str:
    """Of the engine that this interpreter finds, empty if there is none."""
    try:
        version: str = import_module("ppg_mcp.version").__version__
    except ImportError:
        return ""
    return version
