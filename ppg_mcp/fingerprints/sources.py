"""One source text, compiled again, so that a running code object can be matched with the syntax that it was made of.

Rule: a syntax counts for a code object only if compiling it gives that very code (`bytecode.py`: instructions,
constants, names, recursively). So a file that was edited after its import matches nothing where it was edited, and
still matches where only lines moved.

How code and syntax of the compiled text are paired: a `def` begins at its own (first decorator's) line, so line and
name say which one it is; so it is for a lambda alone on its line. Lambdas that share a line are compiled once more,
moved as they are to lines of their own (the outer ones first, then those inside them): within what is moved, line
breaks stay where they were, because CPython marks them with instructions. Rejected: pairing them by positions, since
3.12 records none for `lambda: 1`.
How a running code object is found: by qualified name and code. If functions of different syntax qualify (`lambda: 1 +
1` and `lambda: 2` are the same code), those of its line win, then the lambda whose body one of its instructions
covers (`co_positions`). If that is not exactly one (no columns are recorded), there is no answer.

Each text is parsed and compiled once. What is kept of it is what `summarise` (normally the digest) makes of each
function's code and syntax, not the trees: a thousand functions of one file cost 100 KB, and a fork has less to copy.
Rejected: inspect.getsource (the file as it is now, by line number) and compiling a function's own lines alone (its
closure variables and its class are elsewhere).
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections.abc import Callable, Collection
from types import CodeType
from typing import NamedTuple

from .bytecode import canonical_code, nested_codes
from .syntax import FunctionNode, canonical_syntax

Summary = Callable[[bytes], bytes]
Range = tuple[int, int, int, int]  # first and last line from the function's first on, first and end column
Span = tuple[int, int, int | None, int | None]  # first and last line; of a lambda its columns, in bytes of UTF-8
_Key = tuple[int, str]  # line, name


class _Place(NamedTuple):
    """Where a function is, wholly or (None) in part."""

    line: int | None
    body: Range | None  # of a lambda

    def readings(self) -> list[_Place]:
        return [self, _Place(self.line, None), _Place(None, self.body)]


class Source:
    """The functions of one text. Invariant: it knows only pairs of code and syntax that were compiled from it here."""

    def __init__(self, lines: list[str], filename: str, future: int, summarise: Summary) -> None:
        """`lines` as linecache gives them; `future`: the compiler flags of the future features that were on from
        outside (in a notebook, those of earlier cells). A text that can't be compiled has no functions.
        """
        self.lines = lines
        self._summarise = summarise
        self._syntaxes: dict[tuple[str, bytes], dict[bytes, set[_Place]]] = {}  # name, form of code -> syntax
        self._spans: dict[bytes, Span] = {}  # of one function with this syntax
        try:
            flags = future | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as in the cells of a notebook
            self._read(_parse("".join(lines), filename, flags), filename, flags)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            self._syntaxes = {}

    def syntax_of(self, code: CodeType, form: bytes) -> bytes | None:
        """The summary of the canonical syntax of `code`, whose summarised canonical form is `form`.

        None: it was not compiled from this text, or one of several lambdas that nothing tells apart.
        """
        found = self._syntaxes.get((code.co_qualname, form), {})
        if len(found) == 1:
            return next(iter(found))
        ranges = _ranges(code)
        for line in (code.co_firstlineno, None):
            there = [syntax for syntax, places in found.items() if line is None or _Place(line, None) in places]
            if len(there) > 1:
                there = [syntax for syntax in there if any(_Place(line, body) in found[syntax] for body in ranges)]
                return there[0] if len(there) == 1 else None
            if there:
                return there[0]
        return None

    def text_of(self, syntax: bytes) -> str:
        """The text of a function whose summarised syntax this is, as it was written, dedented; "" if there is none."""
        span = self._spans.get(syntax)
        if span is None:
            return ""
        first, last, column, end_column = span
        lines = self.lines[first - 1 : last]
        if column is None:
            return textwrap.dedent("".join(lines)).strip("\n")
        lines[-1] = lines[-1].encode()[:end_column].decode()
        return lines[0].encode()[column:].decode() + textwrap.dedent("".join(lines[1:]))

    def _read(self, tree: ast.Module, filename: str, flags: int) -> None:
        nodes = _functions_by_line(tree)
        spans = {id(node): _span(node) for group in nodes.values() for node in group}
        alone = {key: group[0] for key, group in nodes.items() if len(group) == 1}
        self._pair(_compile(tree, filename, flags), alone, {key: _place(node) for key, node in alone.items()}, spans)
        before = {id(node): _place(node) for group in nodes.values() if len(group) > 1 for node in group}
        free_line = len(self.lines) + 2
        for lambdas in _by_depth(tree, before.keys()):
            moved: dict[_Key, FunctionNode] = {}
            places: dict[_Key, _Place] = {}
            for node in lambdas:
                key = (free_line, "<lambda>")
                moved[key], places[key] = node, before[id(node)]
                free_line = _move(node, free_line) + 1
            self._pair(_compile(tree, filename, flags), moved, places, spans)

    def _pair(
        self, module: CodeType, nodes: dict[_Key, FunctionNode], places: dict[_Key, _Place], spans: dict[int, Span]
    ) -> None:
        """Learn the functions of a module whose line and name are those of a node; of several the outermost."""
        forms: dict[int, bytes] = {}
        canonical_code(module, forms)
        nodes = dict(nodes)
        for code in nested_codes(module):
            key = (code.co_firstlineno, code.co_name)
            node = nodes.pop(key, None)
            if node is not None and id(code) in forms:
                syntaxes = self._syntaxes.setdefault((code.co_qualname, self._summarise(forms[id(code)])), {})
                syntax = self._summarise(canonical_syntax(node))
                syntaxes.setdefault(syntax, set()).update(places[key].readings())
                self._spans.setdefault(syntax, spans[id(node)])


def _parse(text: str, filename: str, flags: int) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown when the text was imported
        tree: ast.Module = compile(text, filename, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        return tree


def _compile(tree: ast.Module, filename: str, flags: int) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(tree, filename, "exec", flags, dont_inherit=True)
        return code


def _functions_by_line(tree: ast.Module) -> dict[_Key, list[FunctionNode]]:
    nodes: dict[_Key, list[FunctionNode]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            nodes.setdefault((node.lineno, "<lambda>"), []).append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            nodes.setdefault((line, node.name), []).append(node)
    return nodes


def _by_depth(tree: ast.AST, wanted: Collection[int]) -> list[list[ast.Lambda]]:
    """Those lambdas whose ids are wanted: first those in no other of them, then those in the body of one..."""
    depths: list[list[ast.Lambda]] = []
    todo: list[tuple[ast.AST, int]] = [(tree, 0)] if wanted else []
    while todo:
        node, depth = todo.pop()
        if isinstance(node, ast.Lambda) and id(node) in wanted:
            depths += [[]] if len(depths) == depth else []
            depths[depth].append(node)
            todo += [(node.args, depth), (node.body, depth + 1)]
        else:
            todo += [(child, depth) for child in ast.iter_child_nodes(node)]
    return depths


def _move(node: ast.Lambda, line: int) -> int:
    """Let the lambda begin at `line`, all lines of its body moved with it; the last line that it takes then."""
    offset, last = line - node.lineno, line
    for part in (node, *ast.walk(node.body)):
        if isinstance(part, (ast.expr, ast.keyword, ast.arg)):
            part.lineno += offset
            part.end_lineno = (part.end_lineno or part.lineno - offset) + offset
            last = max(last, part.end_lineno)
    return last


def _place(node: FunctionNode) -> _Place:
    if not isinstance(node, ast.Lambda):
        return _Place(node.decorator_list[0].lineno if node.decorator_list else node.lineno, None)
    body, first = node.body, node.lineno
    last, end_column = body.end_lineno or body.lineno, body.end_col_offset or body.col_offset
    return _Place(first, (body.lineno - first, last - first, body.col_offset, end_column))


def _span(node: FunctionNode) -> Span:
    last = node.end_lineno or node.lineno
    if isinstance(node, ast.Lambda):
        return node.lineno, last, node.col_offset, node.end_col_offset
    return (node.decorator_list[0].lineno if node.decorator_list else node.lineno), last, None, None


def _ranges(code: CodeType) -> set[Range]:
    """What the instructions of a code object cover."""
    start = code.co_firstlineno
    return {
        (first - start, last - start, column, end_column)
        for first, last, column, end_column in code.co_positions()
        if first is not None and last is not None and column is not None and end_column is not None
    }
