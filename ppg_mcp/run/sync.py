"""syncfs: what the status store promises about outputs must survive a power cut (semantics §2).

Outputs are not fsynced one by one. Every minute and at the end of a run, each file system with new outputs is synced
as a whole, and the store notes up to which record that holds.
"""

from __future__ import annotations

import os
import threading

INTERVAL_S = 60.0


class OutputSync:
    """Remembers where outputs were written. The periodic sync runs beside the loop, in a thread of its own."""

    def __init__(self) -> None:
        self._folders: set[str] = set()
        self._thread: threading.Thread | None = None
        self._sequence = 0
        self.next_s = 0.0

    def wrote(self, path: str) -> None:
        """A new output."""
        self._folders.add(path.rpartition("/")[0])

    def start(self, sequence: int, now: float) -> None:
        """Begin to sync what was written up to this record of the store."""
        self.next_s = now + INTERVAL_S
        if self._thread is None and self._folders:
            self._sequence = sequence
            folders, self._folders = self._folders, set()
            self._thread = threading.Thread(target=sync_folders, args=(folders,), daemon=True)
            self._thread.start()

    def finished(self) -> int:
        """The record up to which a sync that ended since the last call reaches, 0 if none did."""
        if self._thread is None or self._thread.is_alive():
            return 0
        self._thread = None
        return self._sequence

    def finish(self) -> None:
        """Sync the rest, and wait for it."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._folders:
            sync_folders(self._folders)


def sync_folders(folders: set[str]) -> None:
    """syncfs on each file system that holds one of these directories."""
    import ctypes  # not by a run that made nothing

    libc = ctypes.CDLL(None, use_errno=True)
    seen: set[int] = set()
    for folder in sorted(folders):
        try:
            fd = os.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            device = os.fstat(fd).st_dev
            if device not in seen:
                seen.add(device)
                libc.syncfs(fd)
        finally:
            os.close(fd)
