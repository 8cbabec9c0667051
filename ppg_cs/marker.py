"""Markers: how a process is known to belong to an attempt even if it never exec'ed and so shows an old environ.

Every attempt opens the marker file of its slot anew, locks it shared and lets it be inherited, through exec too. A
session directory in which no marker is locked and that nobody has files open in has no survivors (see `survivors`).
"""

from __future__ import annotations

import fcntl
import os


def marker_path(run_directory: str, slot: int) -> str:
    """The file that every process of the attempt in this slot holds open and locked (`flock`, shared)."""
    return f"{run_directory}/slot-{slot}.lock"


def hold(run_directory: str, slot: int) -> int:
    """Descriptor of the marker, locked; whoever inherits it holds it."""
    fd = os.open(marker_path(run_directory, slot), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.set_inheritable(fd, True)
    return fd


def is_held(path: str) -> bool:
    """Whether any living process holds this marker."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
