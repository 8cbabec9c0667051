"""A disk that loses power: what of a recording is on it after a cut at any moment.

Rules, those of POSIX rather than of any one file system: a sync of a file brings all that was done to its bytes, one of
a directory all that was done to its names. Of what was done since, any part may be there: of the bytes any subset of
the writes, and a torn one; of the names the first few changes, since journals keep their order.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

from .recording import Named, Opened, Operation, Synced, Truncated, Wrote

SECTOR_BYTES = 512


class Disk:
    """Fed with operations; `after_power_cut` gives files by name."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        self._names: dict[str, int] = {}
        self._durable_names: dict[str, int] = {}
        self._renaming: list[dict[str, int]] = []
        """Names after each change since the directory was synced."""
        self._bytes: dict[int, bytes] = {}
        self._pending: dict[int, list[Wrote | Truncated]] = {}

    def feed(self, operation: Operation) -> None:
        """It happened."""
        match operation:
            case Opened(path, truncated):
                self._open(path, truncated)
            case Wrote(path) | Truncated(path):
                self._pending[self._names[path]].append(operation)
            case Synced(path) if path == self._directory:
                self._durable_names, self._renaming = dict(self._names), []
            case Synced(path):
                file = self._names[path]
                self._bytes[file] = applied(self._bytes[file], self._pending[file])
                self._pending[file] = []
            case Named(source, path, moved):
                file = self._names.pop(source) if moved else self._names[source]
                if path:
                    self._names[path] = file
                self._renaming.append(dict(self._names))

    def _open(self, path: str, truncated: bool) -> None:
        if path not in self._names:
            file = self._names[path] = len(self._bytes)
            self._bytes[file], self._pending[file] = b"", []
            self._renaming.append(dict(self._names))
        elif truncated:
            self._pending[self._names[path]].append(Truncated(path, 0))

    def all_of_it(self) -> dict[str, bytes]:
        """As processes see it, which SIGKILL does not change."""
        return {path: applied(self._bytes[file], self._pending[file]) for path, file in self._names.items()}

    def only_what_was_synced(self) -> dict[str, bytes]:
        """Nothing else survives the cut."""
        return {path: self._bytes[file] for path, file in self._durable_names.items()}

    def some_of_it(self, chance: random.Random) -> dict[str, bytes]:
        """What was synced, and any part of the rest."""
        names = chance.choice([self._durable_names, *self._renaming])
        return {path: applied(self._bytes[file], some(self._pending[file], chance)) for path, file in names.items()}


def some(operations: Sequence[Wrote | Truncated], chance: random.Random) -> list[Wrote | Truncated]:
    """A subset, in order; the last one may be torn."""
    kept = [operation for operation in operations if chance.random() < 0.5]
    if kept and isinstance(kept[-1], Wrote) and chance.random() < 0.5:
        last = kept.pop()
        sectors = chance.randrange(1 + len(last.data) // SECTOR_BYTES)
        kept.append(Wrote(last.path, last.offset, last.data[: sectors * SECTOR_BYTES]))
    return kept


def applied(content: bytes, operations: Sequence[Wrote | Truncated]) -> bytes:
    """The bytes after these."""
    data = bytearray(content)
    for operation in operations:
        if isinstance(operation, Truncated):
            del data[operation.size :]
            data.extend(bytes(operation.size - len(data)))
        else:
            at = len(data) if operation.offset < 0 else operation.offset
            data.extend(bytes(max(0, at - len(data))))
            data[at : at + len(operation.data)] = operation.data
    return bytes(data)


def put(files: dict[str, bytes], directory: Path) -> None:
    """Write them into an empty directory, under their last names."""
    for path, content in files.items():
        (directory / os.path.basename(path)).write_bytes(content)
