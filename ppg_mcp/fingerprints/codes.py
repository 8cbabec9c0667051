"""What is known about each code object: the summary of its code, and how to write its defaults and closure.

Rules: worked out once per code object, so a thousand functions from one loop read and hash their source once;
forgotten with the code object. Source texts come from linecache, which knows notebooks and zip files as well; they
are read again only if a code object does not match and the file has changed.
Invariant: `_entries[id(code)]` belongs to a live code object; a weak reference removes it when that dies, before its
id can be reused.
Rejected: code objects as keys. Their hash and equality cost microseconds and ignore the file name.
"""

from __future__ import annotations
import __future__

import weakref
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from .atoms import NOTHING, OPENING, encode_str

if TYPE_CHECKING:
    from .sources import Source

_NESTED = 0x10  # the flag of the future feature nested_scopes, which means something else by now
_FUTURE_FLAGS = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}) & ~_NESTED
MAX_SOURCES = 4096  # texts kept, oldest dropped first; a notebook makes one per cell


class CodeEntry:
    """Facts about one code object.

    `parameters`: (name, encoded name) of those that can have positional defaults. `free`: (name, encoded name, index of
    its cell), by name. `captures_self`: is one of these called `self`? `beginning`: of the encodings in a row of a
    function without defaults, up to the first value of its closure.
    """

    __slots__ = ("beginning", "captures_self", "free", "parameters", "reference", "summary")

    def __init__(self, code: CodeType, summary: bytes, reference: weakref.ref[CodeType]) -> None:
        self.summary = summary
        self.parameters = tuple((name, encode_str(name)) for name in code.co_varnames[: code.co_argcount])
        self.free = tuple(sorted((name, encode_str(name), cell) for cell, name in enumerate(code.co_freevars)))
        self.captures_self = "self" in code.co_freevars
        self.beginning = summary + NOTHING + OPENING
        self.reference = reference


class CodeRegistry:
    """`summarise` turns canonical forms into what is kept and compared: the digest, or `bytes` to look at them."""

    def __init__(self, summarise: Callable[[bytes], bytes]) -> None:
        self.summarise = summarise
        self._entries: dict[int, CodeEntry] = {}
        self._sources: dict[tuple[str, int], Source] = {}  # (file name, future features)

    def of(self, function: FunctionType) -> CodeEntry:
        entry = self._entries.get(id(function.__code__))
        return entry if entry is not None else self._add(function)

    def text_of(self, function: FunctionType) -> str:
        """The source text that the summary was made of, "" where it was the code object."""
        import linecache

        summary = self.of(function).summary
        source = self._source(function)
        text = source.text_of(summary) if source is not None else ""
        if text or source is None:
            return text
        linecache.checkcache(function.__code__.co_filename)
        source = self._source(function)
        return source.text_of(summary) if source is not None else ""

    def _add(self, function: FunctionType) -> CodeEntry:
        code = function.__code__
        key = id(code)
        entries = self._entries
        reference = weakref.ref(code, lambda _: entries.pop(key, None))
        entry = CodeEntry(code, self._summary(function), reference)
        entries[key] = entry
        return entry

    def _summary(self, function: FunctionType) -> bytes:
        from .bytecode import canonical_code

        form = self.summarise(canonical_code(function.__code__))
        syntax = self._syntax(function, form)
        return syntax if syntax is not None else form

    def _syntax(self, function: FunctionType, form: bytes) -> bytes | None:
        """By the text as linecache remembers it (perhaps from before an edit), then by the text as it is now."""
        import linecache

        code = function.__code__
        source = self._source(function)
        syntax = source.syntax_of(code, form) if source is not None else None
        if syntax is not None or source is None:
            return syntax
        linecache.checkcache(code.co_filename)
        source_now = self._source(function)
        return source_now.syntax_of(code, form) if source_now is not None and source_now is not source else None

    def _source(self, function: FunctionType) -> Source | None:
        import linecache

        code = function.__code__
        lines = linecache.getlines(code.co_filename, function.__globals__)
        if not lines:
            return None
        key = (code.co_filename, code.co_flags & _FUTURE_FLAGS)
        source = self._sources.get(key)
        if source is not None and (source.lines is lines or source.lines == lines):
            source.lines = lines  # so that the next comparison is by identity
        else:
            from .sources import Source

            while len(self._sources) >= MAX_SOURCES:
                del self._sources[next(iter(self._sources))]
            source = self._sources[key] = Source(lines, code.co_filename, key[1], self.summarise)
        return source
