"""Checksums (md5) of input files, taken as seldom as possible.

In this order: our own memory in the status store, while size, mtime and ctime stand; a sidecar that is as old as the
file; the file itself, after which a stale sidecar is refreshed.
"""

from __future__ import annotations

from functools import cached_property

from ..graph import Pipegraph
from ..store import StatusStore
from .log import RunLog
from .sidecar import Sidecar, read_sidecar
from .still_file import Moment, StillFile, moment_of, read_still


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
        known = self._known.get(path)
        moment = moment_of(path)
        if known is not None and known[:3] == moment:
            return known[3]
        moment, checksum = self._stated(path, moment) or self._taken(path)
        self._known[path] = (*moment, checksum)
        self._store.remember_checksum(path, *moment, checksum)
        return checksum

    def _stated(self, path: str, moment: Moment) -> StillFile | None:
        """By a sidecar that is as old as the file."""
        sidecar = read_sidecar(path)
        if sidecar is None or sidecar.checksum is None or not sidecar.holds_at(moment.mtime_ns):
            return None
        self._log.debug(f"the checksum of {path!r} is that of {sidecar.path!r}")
        return StillFile(moment, sidecar.checksum)

    def _taken(self, path: str) -> StillFile:
        taken = read_still(path)
        sidecar = read_sidecar(path)
        if sidecar is not None:
            self._refresh(sidecar, taken.checksum, taken.moment.mtime_ns)
        return taken

    def _refresh(self, sidecar: Sidecar, checksum: bytes, mtime_ns: int) -> None:
        """Not one that is itself a file of the graph: that would look like an edit by hand."""
        name = self._graph.relative(sidecar.path)
        if not self._refreshing or not sidecar.refreshable or self._graph.writer(name) or name in self._graph.by_id:
            return
        try:
            sidecar.refresh(checksum, mtime_ns)
        except OSError as error:
            self._log.debug(f"{sidecar.path!r} is stale and can't be refreshed: {error}")
