"""Tasks on their way to other machines: pickled by the master and by generating jobs, loaded by data processes.

    master       BaseWriter ── parts 0, 1, 2 … of one pickle stream ──> every data process of the session
    generator    TaskStream.dump(piece) ── one part ──> every other data process of the session

What a part holds is a *piece*: an object whose `enter()` makes its jobs known to its surroundings and returns them.
Anything with a `task()` is a job here.

Identity. The base parts share one memo, so objects that several jobs mention arrive as one object. A generated part
refers to objects of older parts by their places in the memos of these, which are the same on all machines: a closure
made on one machine that mentions `genome` finds the `genome` of the machine it runs on, with what was loaded into it
there. Strings and numbers are sent again, that is cheaper.

Globals. A function that can't be imported travels by value (cloudpickle), but not its module: if that can be imported,
the function gets the real namespace of it, so a load that sets a global of a module is seen by lambdas of that module.
`__main__` is not there on another machine; an empty module stands in, which gets what the functions of the script
mention. A generated function brings along only globals that its machine did not have when the base was loaded.

Code. It keeps its file name, which cloudpickle 3.1.3 drops, and brings along the text of that file as the master read
it, once per file. Without these, what generators make would have other fingerprints than on one machine, and tracebacks
no lines: cells of a notebook are in no file, and a script may be edited while it runs.

Rejected: sending a generator's callback to be run on every machine. It would have to be deterministic, and the data it
looks at would have to be everywhere.
"""

from __future__ import annotations

import io
import linecache
import pickle
import sys
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import cloudpickle

from ppg_cs.tasks import Task

BASE, GENERATED = b"B", b"G"
BASE_PART = 0
"""Names the memo of all base parts."""
MAIN = "__main__"
_BY_VALUE = (str, bytes, int, float, complex, bool, type(None))

Place = tuple[int, int]
"""The number of a part, and the index of an object in its memo."""


class TaskHolder(Protocol):
    """A job, as far as compute slaves are concerned. `index` is -1 until it is defined."""

    index: int

    def task(self) -> Task:
        """What to execute."""


class Piece(Protocol):
    """What one part holds."""

    def enter(self) -> Sequence[TaskHolder]:
        """Make the jobs known where they have arrived; returns those with tasks."""


class Unsendable:
    """Stands for a job that can't be pickled, so that it alone fails."""

    def __init__(self, index: int, error: Exception) -> None:
        self.index = index
        self.error = error

    def task(self) -> Task:
        """Raises."""
        raise self.error


# ------------------------------------------------------------------------------------------------------------ pickling


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle with the namespaces of this module's text."""

    def __init__(self, file: io.BytesIO, known_globals: Collection[str], replaced: Mapping[int, Any]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.main_names: dict[str, Any] = {}
        """What of `__main__` was pickled by value, by name: it must be found there by those who look it up. And its
        package, if it was started by `python -m`: relative imports in callbacks ask for that."""
        self._known_globals = known_globals
        self._replaced = replaced

    def reducer_override(self, obj: Any) -> Any:
        """Of everything but plain data; see pickle."""
        if id(obj) in self._replaced:
            stand_in = self._replaced[id(obj)]
            return type(stand_in), (stand_in.index, stand_in.error)
        if type(obj) is types.CodeType:
            make, arguments = self.dispatch_table[types.CodeType](obj)
            return _code, (obj.co_filename, linecache.getlines(obj.co_filename), make, arguments)
        if isinstance(obj, type) or type(obj) is types.FunctionType:
            self._remember_main(obj)
        return super().reducer_override(obj)

    def _remember_main(self, obj: Any) -> None:
        name = obj.__qualname__
        if obj.__module__ == MAIN and sys.modules[MAIN].__dict__.get(name) is obj:
            self.main_names[name] = obj

    def _dynamic_function_reduce(self, func: types.FunctionType) -> Any:
        make, arguments, (state, slots), *rest = super()._dynamic_function_reduce(func)
        module = _module_of(func)
        if module is not None:
            code, _, *others = arguments
            arguments = (code, _Namespace(module), *others)
            known = slots["__globals__"] if module != MAIN else self._known_globals
            slots["__globals__"] = {name: value for name, value in slots["__globals__"].items() if name not in known}
        return make, arguments, (state, slots), *rest


def _module_of(func: types.FunctionType) -> str | None:
    """The module whose namespace a function uses, if it can be had by its name."""
    name = func.__globals__.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return name if module is not None and module.__dict__ is func.__globals__ else None


class _Namespace:
    """Pickles as the namespace of a module."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __reduce__(self) -> Any:
        return _namespace, (self._module,)


def _namespace(module: str) -> dict[str, Any]:
    if module not in sys.modules:
        __import__(module)
    return sys.modules[module].__dict__


def _code(file_name: str, lines: list[str], make: type[types.CodeType], arguments: Any) -> types.CodeType:
    if lines:
        linecache.cache[file_name] = (0, None, lines, file_name)  # without size and time, so never read again
    return make(*arguments).replace(co_filename=file_name)


class BaseWriter:
    """In the master: piece after piece into one stream. A piece that can't be pickled makes the writer useless."""

    def __init__(self, replaced: Mapping[int, Unsendable] = types.MappingProxyType({})) -> None:
        self._file = io.BytesIO()
        self._pickler = _Pickler(self._file, (), replaced)

    def write(self, piece: Piece) -> bytes:
        """The next part. Raises whatever pickling its objects raises."""
        self._pickler.main_names = {"__package__": getattr(sys.modules[MAIN], "__package__", None)}
        self._pickler.dump(piece)
        self._pickler.dump(self._pickler.main_names)
        part = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return BASE + part


class _PieceWriter(_Pickler):
    """Refers to what older parts hold."""

    def __init__(self, file: io.BytesIO, known_globals: Collection[str], places: Mapping[int, Place]) -> None:
        super().__init__(file, known_globals, {})
        self._places = places

    def persistent_id(self, obj: Any) -> Place | None:
        """Where older parts hold it."""
        return self._places.get(id(obj))


# ------------------------------------------------------------------------------------------------------------- loading


class _Feed:
    """A file of one part after the other."""

    def __init__(self) -> None:
        self.part = io.BytesIO()

    def read(self, size: int = -1) -> bytes:
        """See io."""
        return self.part.read(size)

    def readline(self) -> bytes:
        """See io."""
        return self.part.readline()


class _PieceReader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, stream: TaskStream) -> None:
        super().__init__(file)
        self._stream = stream

    def persistent_load(self, place: Place) -> Any:
        """What an older part holds there."""
        return self._stream.at(place)


class TaskStream:
    """All tasks that a data process has, by index. Inherited by the processes it forks, and extended in successors."""

    def __init__(self) -> None:
        self._feed = _Feed()
        self._base = pickle.Unpickler(self._feed)
        self._memos: dict[int, dict[int, Any]] = {}
        """What the parts hold, by the index in their memos; that of the base as soon as it is asked for."""
        self._jobs: dict[int, TaskHolder] = {}
        self._undefined: dict[int, Sequence[TaskHolder]] = {}
        self._made: tuple[Sequence[TaskHolder], dict[int, Any]] | None = None
        """The jobs of the piece that was dumped here, and what it holds."""
        self._base_globals: frozenset[str] = frozenset()
        sys.modules[MAIN] = types.ModuleType(MAIN)

    def task(self, job: int) -> Task:
        """The task of a job. Raises KeyError for one that is not defined."""
        return self._jobs[job].task()

    def feed(self, part: int, chunk: bytes) -> None:
        """Load a part. Raises whatever its objects raise when they are unpickled, ImportError for one."""
        body = memoryview(chunk)[1:]
        if chunk[:1] == BASE:
            self._feed.part = io.BytesIO(body)
            piece = self._base.load()
            sys.modules[MAIN].__dict__.update(self._base.load())
            for job in piece.enter():
                self._jobs[job.index] = job
            self._base_globals = frozenset(sys.modules[MAIN].__dict__)
            return
        reader = _PieceReader(io.BytesIO(body), self)
        piece = reader.load()
        self._memos[part] = reader.memo.copy()
        self._undefined[part] = piece.enter()

    def define(self, jobs: Sequence[int], part: int) -> None:
        """Generated jobs get their indices, in the order of their piece; `part` is its number, here and elsewhere."""
        holders = self._undefined.pop(part, None)
        if holders is None:
            assert self._made is not None, f"part {part} was neither fed nor made here"
            holders, self._memos[part] = self._made
            self._made = None
        for holder, index in zip(holders, jobs, strict=True):
            holder.index = index
            self._jobs[index] = holder

    def dump(self, piece: Piece, jobs: Sequence[TaskHolder]) -> bytes:
        """What a generator made here, as a part for other machines; `jobs` are those with tasks."""
        file = io.BytesIO()
        writer = _PieceWriter(file, self._base_globals, self._places())
        writer.dump(piece)
        memo = writer.memo.copy()
        self._made = jobs, dict(memo.values())
        return GENERATED + file.getvalue()

    def at(self, place: Place) -> Any:
        """The object that a part holds there."""
        part, index = place
        if part == BASE_PART and part not in self._memos:
            self._memos[BASE_PART] = self._base.memo.copy()
        return self._memos[part][index]

    def _places(self) -> dict[int, Place]:
        """Of all objects that are not sent by value."""
        if BASE_PART not in self._memos:
            self._memos[BASE_PART] = self._base.memo.copy()
        return {
            id(obj): (part, index)
            for part, memo in self._memos.items()
            for index, obj in memo.items()
            if type(obj) not in _BY_VALUE
        }
