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

_OFFERED = {1: "this job offers the output filename at most", 2: "this job offers both filenames at most"}


class _FilesJob(Job):
    """Common to all jobs that make files. `given`: what a callback may ask for, the outputs as the user named them."""

    implies_code: ClassVar[bool] = True
    _arguments: tuple[Any, ...] = ()
    _counts: Callable[..., Any] | None = None

    def __init__(
        self,
        job_id: str,
        paths: tuple[str, ...],
        given: tuple[Any, ...],
        callback: Callable[..., Any],
        rename_broken: bool,
        empty_ok: bool,
    ) -> None:
        super().__init__(job_id)
        self.paths = paths
        count = self._make_by(callback, len(given), rename_broken, empty_ok)
        if count:
            self._arguments = given[:count]

    def _make_by(self, callback: Callable[..., Any], at_most: int, rename_broken: bool, empty_ok: bool) -> int:
        """`callback` makes the files; returns how many arguments it takes, of `at_most` that it is offered."""
        count = check_callback(self, callback, at_most, _OFFERED[at_most])
        self.callback = callback
        self._implied = callback
        if rename_broken:
            self.rename_broken = True
        if empty_ok:
            self.empty_ok = True
        return count

    def _count(self, function: Callable[..., Any]) -> None:
        """Changes of this function count, not those of the callback."""
        self._counts = self._implied = function

    def definition(self) -> tuple[Any, ...]:
        """The files, and the function by its fingerprint."""
        return (self.paths, self._counts or self.callback)

    def shown_code(self) -> Job:
        """See `Job`."""
        if self._code is not None:
            return self._code
        function = self._counts or self.callback
        assert function is not None
        return FunctionInvariant.implied_by(self, function)

    def code_invariant(self) -> Job:
        """See `Job`."""
        if self._code is None:
            self._code = self.graph.imply(self.shown_code(), self)
            self._implied = None
            self.connect(self._code)
        return self._code

    def task(self) -> FileTask:
        """Calls the callback, with what the user named the output if it takes an argument."""
        assert self.callback is not None
        paths = tuple(map(self.graph.absolute, self.paths))
        return FileTask(self.job_id, paths, self.callback, self._arguments, self.empty_ok, self.rename_broken)


class FileGeneratingJob(_FilesJob):
    """Makes one file, and is redone when the file is missing or empty, or when anything it depends on changed.

    The callback's code, defaults and closure are an implicit FunctionInvariant; see `ignore_code_changes`.

    Args:
        job_id: The path of the file.
        callback: Writes it. Takes no argument, or one: the path as given here. Runs in a process of its own.
        rename_broken: Keep what a failing callback left, as NAME.broken.
        empty_ok: An empty file is a result.
        empty_file_allowed: The same as `empty_ok`.
        empty_files_ok: The same as `empty_ok`.

    Raises:
        JobContractError: The path can't be a file's name, another job writes it, or the callback takes more arguments.
    """

    kind: ClassVar[Kind] = Kind.OUTPUT
    _given: str | Path | None = None
    """What the callback is called with, if it takes an argument."""

    def __init__(
        self,
        job_id: str | Path,
        callback: Callable[..., Any],
        rename_broken: bool = False,
        empty_ok: bool = False,
        *,
        empty_file_allowed: bool = False,
        empty_files_ok: bool = False,
    ) -> None:
        graph = current_graph()
        self._begin(graph, graph.relative(job_id))
        if self._make_by(callback, 1, rename_broken, empty_ok or empty_file_allowed or empty_files_ok):
            self._given = job_id

    @property
    def paths(self) -> tuple[str, ...]:  # type: ignore[override]  # one of a million, so it keeps no tuple
        """The file."""
        return (self.job_id,)

    @property
    def _arguments(self) -> tuple[str | Path, ...]:  # type: ignore[override]  # likewise
        return (self._given,) if self._given is not None else ()


class TempFileGeneratingJob(FileGeneratingJob):
    """Makes a file only when a dependant that must run needs it; removed when all dependants are through.

    Where one of them failed, the file stays, so that it need not be made again. Arguments and errors are those of
    FileGeneratingJob.
    """

    kind: ClassVar[Kind] = Kind.TEMPORARY


class TempFilePlusGeneratingJob(_FilesJob):
    """Makes a temporary file and one that stays, usually a log of how the first was made.

    The temporary file is made when a dependant that must run needs it, and removed when all are through. The one that
    stays is an output: when it is missing or empty, or anything that the job depends on changed, both are made.
    Dependants use the temporary file; that the other was edited does not concern them.

    Args:
        output_filename: The temporary file, and the job's id.
        log_filename: The file that stays.
        callback: Writes both. Takes no argument, the first path, or both, as given here.
        rename_broken: Keep what a failing callback left, each as NAME.broken.

    Raises:
        JobContractError: The two are one file, or as for FileGeneratingJob.
    """

    kind: ClassVar[Kind] = Kind.TEMPORARY

    def __init__(
        self,
        output_filename: str | Path,
        log_filename: str | Path,
        callback: Callable[..., Any],
        rename_broken: bool = False,
    ) -> None:
        graph = current_graph()
        path, log = graph.relative(output_filename), graph.relative(log_filename)
        if path == log:
            raise JobContractError(
                f"TempFilePlusGeneratingJob({path!r}): the temporary file and the one that stays are the same. "
                "Give log_filename a name of its own."
            )
        self.kept = (log,)
        super().__init__(path, (path, log), (output_filename, log_filename), callback, rename_broken, False)


class MultiFileGeneratingJob(_FilesJob):
    """Makes several files, like FileGeneratingJob. Its id is the sorted paths, joined by ':'.

    Args:
        filenames: The paths, in any order; at least one, none twice.
        callback: Writes all of them. Takes no argument, or one: the list of paths as given here.
        rename_broken: Keep what a failing callback left, each as NAME.broken.
        empty_ok: Empty files are results.
        empty_file_allowed: The same as `empty_ok`.
        empty_files_ok: The same as `empty_ok`.

    Raises:
        JobContractError: No list of paths, one of them twice, or as for FileGeneratingJob.
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
        super().__init__(":".join(paths), paths, (given,), callback, rename_broken, allowed)


class MultiTempFileGeneratingJob(MultiFileGeneratingJob):
    """Makes several files only when a dependant that must run needs them; removed when all dependants are through.

    Args:
        filenames: The paths, in any order; at least one, none twice.
        function: Writes all of them. Takes no argument, or one: the list of paths as given here.
        rename_broken: Keep what a failing function left, each as NAME.broken.
        empty_ok: Empty files are results.
        **more: The other names of `empty_ok`.
    """

    kind: ClassVar[Kind] = Kind.TEMPORARY

    def __init__(
        self,
        filenames: Iterable[str | Path],
        function: Callable[..., Any],
        rename_broken: bool = False,
        empty_ok: bool = False,
        **more: bool,
    ) -> None:
        super().__init__(filenames, function, rename_broken, empty_ok, **more)
