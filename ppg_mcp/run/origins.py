"""Which machine made which file in this run, so that others wait until they see it as it was made.

And what was sent to machines that were lost since: one that had been frozen may still write once before it notices.
So results of such jobs are looked at again before they count.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ppg_protocol.records import AwaitedFile, FileStat


@dataclass(frozen=True, slots=True)
class _Made:
    machine: str
    files: tuple[AwaitedFile, ...]


class Origins:
    """By job index. In a run on this machine alone it stays empty. `is_as_told`: is a file at a path still this one?"""

    def __init__(self, is_as_told: Callable[[str, FileStat], bool] | None = None) -> None:
        self._is_as_told = is_as_told or _is_as_told
        self._made: dict[int, _Made] = {}
        self._contested: dict[int, str] = {}

    def made(self, job: int, machine: str, host: str, paths: Sequence[str], files: Sequence[FileStat]) -> None:
        """A job has made these files there."""
        stats = zip(paths, files, strict=True)
        awaited = tuple(AwaitedFile(path, one.size_bytes, one.mtime_ns, host) for path, one in stats)
        self._made[job] = _Made(machine, awaited)

    def forget(self, job: int) -> None:
        """What it made is to be removed: nobody is to wait for it."""
        self._made.pop(job, None)

    def awaited(self, inputs: Sequence[Sequence[int]], jobs: Sequence[int], machine: str) -> tuple[AwaitedFile, ...]:
        """What these jobs read and another machine has made. `inputs`: prerequisites of each job."""
        if not self._made:
            return ()
        needed = dict.fromkeys(p for job in jobs for p in inputs[job])
        made = [self._made[p] for p in needed if p in self._made]
        return tuple(file for one in made if one.machine != machine for file in one.files)

    def contest(self, job: int, host: str) -> None:
        """It was sent to a machine that is lost."""
        self._contested[job] = host

    def is_contested(self, job: int) -> bool:
        """Was it ever sent to a machine that is lost?"""
        return job in self._contested

    def overwritten(self, job: int, paths: Sequence[str], files: Sequence[FileStat]) -> str:
        """The lost machine that may have written over what was reported; empty if the files are as reported."""
        stats = zip(paths, files, strict=True)
        if job not in self._contested or all(self._is_as_told(path, one) for path, one in stats):
            return ""
        return self._contested[job]


def _is_as_told(path: str, told: FileStat) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        seen = os.fstat(fd)
        return (seen.st_size, seen.st_mtime_ns, seen.st_ino) == (told.size_bytes, told.mtime_ns, told.inode)
    finally:
        os.close(fd)
