"""syncfs: what the status store promises about outputs must survive a power cut (semantics §2).

Outputs are not fsynced one by one. Every minute and at the end of a run, each file system with new outputs is synced
as a whole, and the store notes up to which record that holds. Of what it could not write the kernel tells once: after a
sync that failed, none of this run counts.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

INTERVAL_S = 60.0


class OutputSync:
    """Remembers where outputs were written. The periodic sync runs beside the loop, in a thread of its own.

    `warn` is told of the first sync that failed. `is_behind`: there are outputs of an earlier run somewhere, which did
    not come to its end; then everything is synced once.
    """

    def __init__(self, warn: Callable[[str], None], is_behind: bool = False) -> None:
        self._warn = warn
        self._is_behind = is_behind
        self._folders: set[str] = set()
        self._thread: threading.Thread | None = None
        self._sequence = 0
        self._failure: OSError | None = None
        self.has_failed = False
        self.next_s = 0.0

    def wrote(self, path: str) -> None:
        """A new output."""
        self._folders.add(path.rpartition("/")[0] or "/")

    def start(self, sequence: int, now: float) -> None:
        """Begin to sync what was written up to this record of the store."""
        self.next_s = now + INTERVAL_S
        if self._thread is None and self._folders:
            self._sequence = sequence
            folders, self._folders = self._folders, set()
            self._thread = threading.Thread(target=self._sync, args=(folders,), daemon=True)
            self._thread.start()

    def finished(self) -> int:
        """The record up to which a sync that ended since the last call reaches, 0 if none did, or one has failed."""
        if self._thread is None or self._thread.is_alive():
            return 0
        self._thread = None
        return self._sequence if self._succeeded() else 0

    def finish(self) -> bool:
        """Sync the rest, and wait for it. Is everything on disk?"""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._folders or self._is_behind:
            self._sync(self._folders)
        return self._succeeded()

    def _sync(self, folders: set[str]) -> None:
        if self._is_behind:
            os.sync()
            self._is_behind = False
        try:
            sync_folders(folders)
        except OSError as error:
            self._failure = error

    def _succeeded(self) -> bool:
        """Did all syncs? To be asked when none runs."""
        if self._failure is not None and not self.has_failed:
            self.has_failed = True
            self._warn(
                f"{self._failure.filename} could not be synced to its disk: {self._failure.strerror}. What this run "
                "writes may not outlive a power cut; the log of the system says more about the disk."
            )
        return not self.has_failed


def sync_folders(folders: set[str]) -> None:
    """syncfs on each file system that holds one of these directories. One that is gone needs none.

    Raises OSError for one that can't be synced, when all others are.
    """
    seen: set[int] = set()
    failures: list[OSError] = []
    for folder in sorted(folders):
        try:
            _sync_folder(folder, seen)
        except OSError as error:
            failures.append(OSError(error.errno, error.strerror, folder))
    if failures:
        raise failures[0]


def _sync_folder(folder: str, seen: set[int]) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        device = os.fstat(fd).st_dev
        if device not in seen:
            seen.add(device)
            syncfs(fd)
    finally:
        os.close(fd)


def syncfs(fd: int) -> None:
    """The system call. Raises OSError."""
    import ctypes  # not by a run that made nothing

    if ctypes.CDLL(None, use_errno=True).syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
