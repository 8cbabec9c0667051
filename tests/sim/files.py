"""The shared file system: each write is a new inode that knows who made it. Stamps are those of its server's clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from ppg_protocol.records import FileStat

Attempt = tuple[str, int]
"""A session, and the number of the attempt in it."""


@dataclass(frozen=True, slots=True)
class File:
    """`digest` stands for its content."""

    stat: FileStat
    attempt: Attempt

    @property
    def digest(self) -> bytes:
        """Of its content."""
        return self.stat.digest


class Files:
    """By path. `clock_ns`: the server's."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self.by_path: dict[str, File] = {}
        self._clock_ns = clock_ns
        self._inode = 0

    def write(self, path: str, content: bytes, attempt: Attempt) -> FileStat:
        """A new file in its place."""
        self._inode += 1
        stat = FileStat(100, self._clock_ns(), self._inode, content)
        self.by_path[path] = File(stat, attempt)
        return stat

    def is_as_told(self, path: str, told: FileStat) -> bool:
        """Is it the file that was reported?"""
        file = self.by_path.get(path)
        return file is not None and file.stat == told

    def remove(self, path: str) -> None:
        """If it is there."""
        self.by_path.pop(path, None)


def made(job: str, version: int, inputs: list[bytes]) -> bytes:
    """What a job makes of what it reads."""
    digest = blake2b(f"{job} {version}".encode(), digest_size=16)
    for content in inputs:
        digest.update(content)
    return digest.digest()
