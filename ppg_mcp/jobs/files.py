"""Jobs that make files, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from ppg_cs.tasks import FileTask
from ppg_protocol.errors import JobContractError

from ..job import Job
from ..planner.node import Kind
from ..util import current_graph
from .callback import check_callback
from .function import FunctionInvariant


class _FilesJob(Job):
    """Common to all jobs that make files. `_given` is what the user called the outputs: str, Path, a list of these."""

    def __init__(
        self,
        job_id: str,
        paths: tuple[str, ...],
        given: Any,
        callback: Callable[..., Any],
        rename_broken: bool,
        empty_ok: bool,
        code: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(job_id)
        self.paths = paths
        self._given = given
        self._arguments = check_callback(self, callback, 1, "file jobs get the output filename at most")
        self.callback = callback
        if rename_broken:
            self.rename_broken = True
        if empty_ok:
            self.empty_ok = True
        self._code = FunctionInvariant(job_id + "_func", code or callback)
        self.prerequisites.add(self._code)

    def task(self) -> FileTask:
        """Calls the callback, with what the user named the output if it takes an argument."""
        assert self.callback is not None
        arguments = (self._given,) if self._arguments else ()
        paths = tuple(map(self.graph.absolute, self.paths))
        return FileTask(self.job_id, paths, self.callback, arguments, self.empty_ok, self.rename_broken)


class FileGeneratingJob(_FilesJob):
    """Makes one file, and is redone when the file is missing or empty, or when anything it depends on changed.

    job_id: the path of the file. callback: writes it; takes no argument, or the path as given here.
    rename_broken: keep what a failing callback left as NAME.broken. empty_ok (also empty_file_allowed,
    empty_files_ok): an empty file is a result.

    The callback's code, defaults and closure are an implicit FunctionInvariant; see `ignore_code_changes`.
    """

    kind: ClassVar[Kind] = Kind.OUTPUT

    def __init__(
        self,
        job_id: str | Path,
        callback: Callable[..., Any],
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        empty_file_allowed: bool = False,
        empty_files_ok: bool = False,
        _code: Callable[..., Any] | None = None,
    ) -> None:
        path = current_graph().relative(job_id)
        allowed = empty_ok or empty_file_allowed or empty_files_ok
        super().__init__(path, (path,), job_id, callback, rename_broken, allowed, _code)


class TempFileGeneratingJob(FileGeneratingJob):
    """Makes a file only when a dependant that must run needs it; removed when all dependants are through."""

    kind: ClassVar[Kind] = Kind.TEMPORARY


class MultiFileGeneratingJob(_FilesJob):
    """Makes several files, like FileGeneratingJob. Its id is the sorted paths, joined by ':'.

    callback: takes no argument, or the list of paths as given here.
    """

    kind: ClassVar[Kind] = Kind.OUTPUT

    def __init__(
        self,
        filenames: Iterable[str | Path],
        callback: Callable[..., Any],
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        empty_file_allowed: bool = False,
        empty_files_ok: bool = False,
    ) -> None:
        if isinstance(filenames, (str, bytes, Path)):
            raise JobContractError(f"{type(self).__name__} takes a list of files, not {filenames!r}.")
        given = list(filenames)
        graph = current_graph()
        paths = tuple(sorted(graph.relative(path) for path in given))
        if not paths:
            raise JobContractError(f"{type(self).__name__} needs at least one file.")
        if len(set(paths)) < len(paths):
            raise JobContractError(f"{type(self).__name__}: a file is listed twice in {given!r}.")
        allowed = empty_ok or empty_file_allowed or empty_files_ok
        super().__init__(":".join(paths), paths, given, callback, rename_broken, allowed)
