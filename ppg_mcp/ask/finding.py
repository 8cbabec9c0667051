"""Which project somebody asks about: its directory, its status store, and who holds that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ppg_protocol.errors import PyPipeGraphError

from ..graph import STATUS_FILENAME
from ..store.holder import Holder, holder_path, read_holder
from ..store.host_facts import HostFacts


class AskError(PyPipeGraphError):
    """A question can't be answered; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Project:
    """`directory` is what job ids are relative to."""

    directory: Path
    store: Path

    def holder(self) -> Holder | None:
        """The process that has the store open, or left it open; None if it was given back."""
        return read_holder(self.store)

    def owner_uid(self) -> int | None:
        """Whose run the holder is."""
        try:
            return holder_path(self.store).stat().st_uid
        except OSError:
            return None

    def names_of(self, job: str, cwd: str) -> list[str]:
        """The ids that a word on the command line may stand for: a path seen from `cwd`, or an id as it is."""
        if not job:
            return [job]
        path = os.path.normpath(os.path.join(cwd, job))
        return list(dict.fromkeys([self._below(path), *self._behind_links(path), job]))

    def _below(self, path: str) -> str:
        return os.path.relpath(path, self.directory) if path.startswith(f"{self.directory}/") else path

    def _behind_links(self, path: str) -> Iterator[str]:
        """The same for a path that leads through a link to the project's directory, or to another one."""
        for place in Path(path).parents:
            if os.path.realpath(place) == str(self.directory):
                yield os.path.relpath(path, place)
        directory, name = os.path.split(path)
        yield self._below(os.path.join(os.path.realpath(directory), name))


def find_project(directory: str, store: str | None) -> Project:
    """The project that this directory belongs to: the nearest one, from here upwards, with a status store; or, where
    the name of a store is given, this very directory.

    Raises AskError if there is none.
    """
    start = Path(os.path.realpath(directory))
    if not start.is_dir():
        raise AskError(f"{directory} is no directory. Give the directory in which the pipegraph was made.")
    if store is not None:
        return Project(start, start / store)
    for candidate in (start, *start.parents):
        project = Project(candidate, candidate / STATUS_FILENAME)
        if project.store.exists() or holder_path(project.store).exists():
            return project
    raise AskError(
        f"There is no status store ({STATUS_FILENAME}) in {start} or above. Give the directory in which the pipegraph "
        "was made; or --store NAME, if it was made with another invariant_status_filename."
    )


def is_here(holder: Holder) -> bool:
    """Did it run on this machine, so that it can be seen whether it lives?"""
    return holder.is_on(HostFacts.of_this_process())


def lives(holder: Holder) -> bool:
    """Is it seen to run?"""
    return holder.lives(HostFacts.of_this_process())
