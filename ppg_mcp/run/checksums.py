"""Checksums (md5) of input files, taken as seldom as possible.

In this order: our own memory in the status store, while size, mtime and ctime stand; a sidecar that is as old as the
file; the file itself, after which a stale sidecar is refreshed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from functools import cached_property

from ..graph import Pipegraph
from ..store import StatusStore
from .log import RunLog
from .sidecar import Sidecar, read_sidecar


class Checksums:
    """`refreshing`: sidecars may be written, as they may not in a dry run."""

    def __init__(self, graph: Pipegraph, store: StatusStore, log: RunLog, refreshing: bool) -> None:
        self._graph = graph
        self._store = store
        self._log = log
        self._refreshing = refreshing

    @cached_property
    def _known(self) -> dict[str, tuple[int, int, int, bytes]]:
        return self._store.checksums()

    def of(self, path: str) -> bytes:
        """Of the file with this absolute path. Raises OSError."""
        now = os.stat(path)
        if not stat.S_ISREG(now.st_mode):
            raise OSError(f"{path!r} is not a regular file")
        key = (now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        known = self._known.get(path)
        if known is not None and known[:3] == key:
            return known[3]
        checksum = self._take(path, now.st_mtime_ns)
        self._known[path] = (*key, checksum)
        self._store.remember_checksum(path, *key, checksum)
        return checksum

    def _take(self, path: str, mtime_ns: int) -> bytes:
        sidecar = read_sidecar(path)
        if sidecar is not None and sidecar.checksum is not None and sidecar.holds_at(mtime_ns):
            self._log.debug(f"the checksum of {path!r} is that of {sidecar.path!r}")
            return sidecar.checksum
        with open(path, "rb") as file:
            checksum = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        if sidecar is not None:
            self._refresh(sidecar, checksum, mtime_ns)
        return checksum

    def _refresh(self, sidecar: Sidecar, checksum: bytes, mtime_ns: int) -> None:
        """Not one that is itself a file of the graph: that would look like an edit by hand."""
        name = self._graph.relative(sidecar.path)
        if not self._refreshing or not sidecar.refreshable or name in self._graph.writers or name in self._graph.jobs:
            return
        try:
            sidecar.refresh(checksum, mtime_ns)
        except OSError as error:
            self._log.debug(f"{sidecar.path!r} is stale and can't be refreshed: {error}")
