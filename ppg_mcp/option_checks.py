"""Checks of what `new_pipegraph` is told, so that nonsense is refused there and not in the middle of a run."""

from __future__ import annotations

import logging
import os

from ppg_protocol.errors import JobContractError


def path_option(name: str, value: object) -> str:
    """The path as text; raises JobContractError for what can be none."""
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise JobContractError(f"{name} must be a str or a pathlib.Path, not {value!r} ({type(value).__name__}).")
    if not path or "\0" in path:
        raise JobContractError(f"{name} must be the path of a file or folder, which {value!r} can't be.")
    return path


def level_option(value: object) -> int:
    """The log level as a number; raises JobContractError for what is none."""
    levels = logging.getLevelNamesMapping()
    if isinstance(value, str) and value.upper() in levels:
        return levels[value.upper()]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise JobContractError(f"log_level must be one of {', '.join(levels)} or an int, not {value!r}.")
