"""Removing temporary files."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Pipegraph
from ..job import Job
from .log import RunLog


def remove_files(graph: Pipegraph, job: Job, log: RunLog, unlink: Callable[[str], None]) -> None:
    """Unlink a temporary job's files, but those that it keeps; what can't be removed is said, and left."""
    for path in job.paths:
        if path in job.kept:
            continue
        try:
            unlink(graph.absolute(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning(f"Can't remove the temporary {path!r}: {error.strerror}.")
