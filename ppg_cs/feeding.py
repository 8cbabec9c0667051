"""Parts of the task stream between supervisor and data processes: files of the run directory.

Rejected: sending them through the channels. Every data process that is made anew needs all of them, in a moment when
its channel has better things to carry.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppg_cs.task_stream import TaskStream

TEXT_CHARS_MAX = 4000


def part_path(run_directory: str, part: int) -> str:
    """Where a part lies."""
    return f"{run_directory}/part-{part}"


def keep_part(run_directory: str, part: int, chunk: bytes) -> None:
    """Write a part, complete or not at all: what has no room leaves nothing behind. Raises OSError."""
    path = part_path(run_directory, part)
    fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(chunk)
        os.rename(f"{path}.new", path)
    except OSError:
        os.unlink(f"{path}.new")
        raise


def feed(stream: TaskStream, path: str, part: int, jobs: Sequence[int]) -> None:
    """Load a part from its file. Raises whatever its objects raise."""
    from ppg_cs.task_stream import GENERATED

    with open(path, "rb") as file:
        chunk = file.read()
    stream.feed(part, chunk)
    if chunk[:1] == GENERATED:
        stream.define(jobs, part)


def unfit_for(error: BaseException) -> str:
    """Why the jobs can't be loaded here, in words for the user."""
    host, python = socket.gethostname(), f"{sys.executable} (Python {platform.python_version()})"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"on {host} there is no module {error.name!r} for {python}, and the jobs need it: {error}. "
            f"Install it there, or run from a virtual environment on a shared path."
        )
    trace = "".join(traceback.format_exception(error))[-TEXT_CHARS_MAX:]
    return (
        f"on {host} the jobs can't be loaded by {python}: {type(error).__name__}: {str(error)[:TEXT_CHARS_MAX]}. "
        f"Are the modules and the files that they read at import the same there?\n{trace}"
    )
