"""Invariants on input files: by modification time, by content, and on several files at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from ..graph import current_graph
from .invariant import Checksums, Invariant, Value


class _FileInvariant(Invariant):
    def __init__(self, path: str | Path) -> None:
        self.watched: str = current_graph().relative(path)
        super().__init__(self.watched)

    def definition(self) -> tuple[Any, ...]:
        """The watched file."""
        return (self.watched,)


class FileTimeInvariant(_FileInvariant):
    """Redoes its dependants when the file's modification time changes."""

    def value(self, checksums: Checksums) -> Value:
        """The modification time. Raises OSError for a file that can't be stat'ed."""
        mtime_ns = os.stat(self.graph.absolute(self.watched)).st_mtime_ns
        return Value(mtime_ns.to_bytes(16, "big", signed=True), {"modified": str(mtime_ns)})


class FileChecksumInvariant(_FileInvariant):
    """Redoes its dependants when the file's content (md5) changes.

    The checksum is taken again only when size, mtime or ctime changed.
    """

    def value(self, checksums: Checksums) -> Value:
        """The checksum. Raises OSError for a file that can't be read."""
        checksum = checksums(self.graph.absolute(self.watched))
        return Value(checksum, {"md5": checksum.hex()})


FileInvariant = FileChecksumInvariant


class MultiFileInvariant(Invariant):
    """Redoes its dependants when the set of files, or the content of one of them, changes."""

    def __init__(self, paths: Iterable[str | Path]) -> None:
        if isinstance(paths, (str, bytes)):
            raise JobContractError(f"MultiFileInvariant takes a list of files, not {paths!r}.")
        graph = current_graph()
        self.watched: tuple[str, ...] = tuple(sorted({graph.relative(path) for path in paths}))
        if not self.watched:
            raise JobContractError("MultiFileInvariant needs at least one file.")
        super().__init__(":".join(self.watched))

    def definition(self) -> tuple[Any, ...]:
        """The watched files."""
        return (self.watched,)

    def value(self, checksums: Checksums) -> Value:
        """One fingerprint over (path, checksum) of all files. Raises OSError for a file that can't be read."""
        from ..planner.digest import inputs_digest

        taken = [checksums(self.graph.absolute(path)) for path in self.watched]
        parts = {path: checksum.hex() for path, checksum in zip(self.watched, taken, strict=True)}
        return Value(inputs_digest(self.watched, taken), parts)
