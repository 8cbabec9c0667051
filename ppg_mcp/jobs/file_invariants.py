"""Invariants on input files: by modification time, by content, and on several files at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from ..planner.digest import inputs_digest
from ..util import current_graph
from .invariant import Invariant, Surroundings


class _FileInvariant(Invariant):
    def __init__(self, path: str | Path) -> None:
        self.watched: str = current_graph().relative(path)
        super().__init__(self.watched)
        self.graph.watch(self, (self.watched,))

    def definition(self) -> tuple[Any, ...]:
        """The watched file."""
        return (self.watched,)


class FileTimeInvariant(_FileInvariant):
    """Redoes its dependants when the file's modification time changes, be it back.

    Args:
        path: The input file, and the id. If it is missing when `run()` looks, the dependants fail.

    Raises:
        JobContractError: A job of the pipegraph makes the file: depend on that job.
    """

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """The modification time. Raises OSError for a file that can't be stat'ed."""
        self._mtime_ns = os.stat(self.graph.absolute(self.watched)).st_mtime_ns
        return self._mtime_ns.to_bytes(16, "big", signed=True)

    def parts(self) -> dict[str, str]:
        """The modification time in ns since 1970."""
        return {"modified": str(self._mtime_ns)}


class FileChecksumInvariant(_FileInvariant):
    """Redoes its dependants when the file's content (md5) changes.

    The checksum is taken again only when size, mtime or ctime changed. A FILE.md5sum beside the file is believed while
    it has the file's mtime.

    Args:
        path: The input file, and the id. If it can't be read when `run()` looks, the dependants fail.

    Raises:
        JobContractError: A job of the pipegraph makes the file: depend on that job.
    """

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """The checksum. Raises OSError for a file that can't be read."""
        self._checksum = surroundings.checksum(self.graph.absolute(self.watched))
        return self._checksum

    def parts(self) -> dict[str, str]:
        """The checksum, hexadecimal."""
        return {"md5": self._checksum.hex()}


FileInvariant = FileChecksumInvariant


class RobustFileChecksumInvariant(FileChecksumInvariant):
    """A FileChecksumInvariant that recognises its file after it was moved: nothing is redone for that alone.

    It is taken for the same file if its name without directories, its size and its checksum are those of one that an
    earlier run knew, and that one is neither at its old place nor used in this pipegraph. Jobs that mention the path
    in their own code or parameters are redone for that, of course.

    Args:
        path: Where the file is now, and the id.
    """


class MultiFileInvariant(Invariant):
    """Redoes its dependants when the set of files, or the content of one of them, changes.

    Its id is the sorted paths, joined by ':'.

    Args:
        paths: The input files, in any order. If one can't be read when `run()` looks, the dependants fail.

    Raises:
        JobContractError: No paths at all, a single text in their place, or a job of the pipegraph makes one of them.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        if isinstance(paths, (str, bytes)):
            raise JobContractError(f"MultiFileInvariant takes a list of files, not {paths!r}.")
        graph = current_graph()
        self.watched: tuple[str, ...] = tuple(sorted({graph.relative(path) for path in paths}))
        if not self.watched:
            raise JobContractError("MultiFileInvariant needs at least one file.")
        super().__init__(":".join(self.watched))
        self.graph.watch(self, self.watched)

    def definition(self) -> tuple[Any, ...]:
        """The watched files."""
        return (self.watched,)

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """One fingerprint over (path, checksum) of all files. Raises OSError for a file that can't be read."""
        self._checksums = [surroundings.checksum(self.graph.absolute(path)) for path in self.watched]
        return inputs_digest(self.watched, self._checksums)

    def parts(self) -> dict[str, str]:
        """The checksum of each file, hexadecimal."""
        return {path: checksum.hex() for path, checksum in zip(self.watched, self._checksums, strict=True)}


WATCHERS = (FileTimeInvariant, FileChecksumInvariant, MultiFileInvariant)
"""All that watch files: `watched`."""
