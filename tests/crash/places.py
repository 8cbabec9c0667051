"""Folders in memory where there is such a place: these tests wait for nothing but the disk, which they don't need."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MEMORY = "/dev/shm"


def folder_in_memory(prefix: str) -> Path:
    """A new folder; the caller removes it."""
    place = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else None
    return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=place))
