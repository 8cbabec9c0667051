"""Where outputs really are: two names for one file, through a directory that is a symbolic link.

Names are taken as they are given, because a link such as `results -> /scratch/results` is the user's, and may point
elsewhere tomorrow without any job becoming another one. So two jobs that write `results/a` and `/scratch/results/a`
have two ids but one file, which is refused: when the second is made, by the links of that moment, and once more for all
of them when run() starts. Links that jobs make in mid-run are not seen. The last component is not resolved: an output
that is a link is replaced by a file, its target left alone.

Rejected: ids by real paths (`realpath` of every output takes 10 us, and moving a directory behind a link would redo
everything in it).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable


class Places:
    """Directories of outputs by what they are called and by what they are; each is resolved once."""

    def __init__(self, absolute: Callable[[str], str]) -> None:
        self._absolute = absolute
        self._names: dict[str, list[str]] = {}
        """By directory as named: all names of the same one, which share this list."""
        self.with_one_name: set[str] = set()
        """Directories of which no other name is known: what is in them has no other name either."""
        self._by_real: dict[str, list[str]] = {}

    def other_name(self, path: str, is_output: Callable[[str], object]) -> str | None:
        """The output that is the same file as `path` under another name, if there is one."""
        cut = path.rfind("/") + 1
        names = self._names.get(path[:cut])
        if names is None:
            names = self._resolve(path[:cut])
        if len(names) > 1:
            for other in names:
                if other != path[:cut] and is_output(other + path[cut:]):
                    return other + path[cut:]
        return None

    def know(self, paths: Iterable[str]) -> None:
        """The directories of these files, which are no outputs of jobs."""
        for directory in {path[: path.rfind("/") + 1]: None for path in paths}:
            if directory not in self._names:
                self._resolve(directory)

    @property
    def directories(self) -> Iterable[str]:
        """All that were asked about, as named."""
        return self._names.keys()

    def are_ambiguous(self, directories: Iterable[str]) -> bool:
        """Have two of these names the same directory behind them?"""
        return any(len(self._names.get(name) or self._resolve(name)) > 1 for name in directories)

    def _resolve(self, directory: str) -> list[str]:
        real = os.path.realpath(self._absolute(directory or "."))
        names = self._names[directory] = self._by_real.setdefault(real, [])
        names.append(directory)
        if len(names) == 1:
            self.with_one_name.add(directory)
        else:
            self.with_one_name.difference_update(names)
        return names
