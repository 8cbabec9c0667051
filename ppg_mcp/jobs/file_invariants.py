"""Invariants on input files: by modification time, by content, and on several files at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from ..fingerprints import Description
from ..planner.digest import inputs_digest
from ..util import current_graph
from .invariant import Invariant, Surroundings


class Watcher(Invariant):
    """An invariant on the input files `watched`."""

    watched: str | tuple[str, ...]

    def value(self, surroundings: Surroundings) -> bytes:
        """The value at this moment; `fingerprint` also keeps it for `parts`. Raises OSError where it can't be taken."""
        raise AssertionError(f"{type(self).__name__}.value")


class _FileInvariant(Watcher):
    watched: str

    def __init__(self, path: str | Path) -> None:
        self.watched = current_graph().relative(path)
        super().__init__(self.watched)
        self.graph.watch(self, (self.watched,))

    def definition(self) -> tuple[Any, ...]:
        """The watched file."""
        return (self.watched,)

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """The value. Raises OSError for a file that can't be read."""
        self._value = self.value(surroundings)
        return self._value


class FileTimeInvariant(_FileInvariant):
    """Redoes its dependants when the file's modification time changes, be it back.

    Args:
        path: The input file, and the id. If it is missing when `run()` looks, the dependants fail.

    Raises:
        JobContractError: A job of the pipegraph makes the file: depend on that job.
    """

    def value(self, surroundings: Surroundings) -> bytes:
        """The modification time. Raises OSError for a file that can't be stat'ed."""
        return os.stat(self.graph.absolute(self.watched)).st_mtime_ns.to_bytes(16, "big", signed=True)

    def description(self) -> Description:
        """The modification time in ns since 1970."""
        return {"modified": str(int.from_bytes(self._value, "big", signed=True))}


class FileChecksumInvariant(_FileInvariant):
    """Redoes its dependants when the file's content (md5) changes.

    The checksum is taken again only when size, mtime or ctime changed. A FILE.md5sum beside the file is believed while
    it has the file's mtime.

    Args:
        path: The input file, and the id. If it can't be read when `run()` looks, the dependants fail.

    Raises:
        JobContractError: A job of the pipegraph makes the file: depend on that job.
    """

    def value(self, surroundings: Surroundings) -> bytes:
        """The checksum. Raises OSError for a file that can't be read."""
        return surroundings.checksum(self.graph.absolute(self.watched))

    def description(self) -> Description:
        """The checksum, hexadecimal."""
        return {"md5": self._value.hex()}


FileInvariant = FileChecksumInvariant


class RobustFileChecksumInvariant(FileChecksumInvariant):
    """A FileChecksumInvariant that recognises its file after it was moved: nothing is redone for that alone.

    It is taken for the same file if its name without directories, its size and its checksum are those of one that an
    earlier run knew, and that one is neither at its old place nor used in this pipegraph. Jobs that mention the path
    in their own code or parameters are redone for that, of course.

    Args:
        path: Where the file is now, and the id.
    """


class MultiFileInvariant(Watcher):
    """Redoes its dependants when the set of files, or the content of one of them, changes.

    Its id is the sorted paths, joined by ':'.

    Args:
        paths: The input files, in any order. If one can't be read when `run()` looks, the dependants fail.

    Raises:
        JobContractError: No paths at all, a single text in their place, or a job of the pipegraph makes one of them.
    """

    watched: tuple[str, ...]

    def __init__(self, paths: Iterable[str | Path]) -> None:
        if isinstance(paths, (str, bytes)):
            raise JobContractError(f"MultiFileInvariant takes a list of files, not {paths!r}.")
        graph = current_graph()
        self.watched = tuple(sorted({graph.relative(path) for path in paths}))
        if not self.watched:
            raise JobContractError("MultiFileInvariant needs at least one file.")
        super().__init__(":".join(self.watched))
        self.graph.watch(self, self.watched)

    def definition(self) -> tuple[Any, ...]:
        """The watched files."""
        return (self.watched,)

    def fingerprint(self, surroundings: Surroundings) -> bytes:
        """The value. Raises OSError for a file that can't be read."""
        self._checksums = self._taken(surroundings)
        return inputs_digest(self.watched, self._checksums)

    def value(self, surroundings: Surroundings) -> bytes:
        """One fingerprint over (path, checksum) of all files. Raises OSError for a file that can't be read."""
        return inputs_digest(self.watched, self._taken(surroundings))

    def _taken(self, surroundings: Surroundings) -> list[bytes]:
        return [surroundings.checksum(self.graph.absolute(path)) for path in self.watched]

    def description(self) -> Description:
        """The checksum of each file, hexadecimal."""
        return {path: checksum.hex() for path, checksum in zip(self.watched, self._checksums, strict=True)}
