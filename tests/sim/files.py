"""The shared file system: each write is a new inode that knows who made it, from what."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from ppg_protocol.records import FileStat


@dataclass(frozen=True, slots=True)
class File:
    """`digest` stands for its content."""

    stat: FileStat
    attempt: tuple[str, int]

    @property
    def digest(self) -> bytes:
        """Of its content."""
        return self.stat.digest


class Files:
    """By path."""

    def __init__(self) -> None:
        self.by_path: dict[str, File] = {}
        self._inode = 0

    def write(self, path: str, content: bytes, attempt: tuple[str, int], now: float) -> FileStat:
        """A new file in its place."""
        self._inode += 1
        stat = FileStat(100, int(now * 1e9), self._inode, content)
        self.by_path[path] = File(stat, attempt)
        return stat

    def remove(self, path: str) -> None:
        """If it is there."""
        self.by_path.pop(path, None)


def made(job: str, version: int, inputs: list[bytes]) -> bytes:
    """What a job makes of what it reads."""
    digest = blake2b(f"{job} {version}".encode(), digest_size=16)
    for content in inputs:
        digest.update(content)
    return digest.digest()
