"""The canonical form of a function's syntax: what its code says, without how it is laid out.

    node  := NAME( field=value ... )   in the order of the node's fields, without empty lists and None
    list  := [ value* ]
    else  the canonical encoding of values (`atoms.py`)

Left out: positions, comments, type comments, docstrings (of the function and of what is nested in it), annotations of
parameters, of results and of local variables (`x: int = 1` is `x = 1`; a bare `x: int` is nothing), the `u` of
`u"text"`, Load/Store. A body that is empty then is `pass`.
Kept: annotations of attributes in the body of a nested class. They are data: dataclasses and NamedTuples make their
fields of them.
Of the function itself also left out: its name (a renamed function does the same; a recursive one mentions its name in
its body), its decorators and the expressions of its defaults. Both run outside of it, when it is defined: what a
decorator makes is a callable with a fingerprint of its own, and what a default expression gives is in the defaults
part. Of nested functions they are kept.

Invariant: equal on CPython 3.11 and later for source that means the same there. Adjacent constants in f-strings are
joined and empty ones dropped, because 3.12 cuts them otherwise than 3.11; fields that newer versions add
(type_params) are empty where older ones can parse.
Rejected: ast.dump (3.13 leaves out empty fields, 3.12 added some) and ast.unparse (quotes and parentheses differ per
version). Recursion: `a + b + ...` with a thousand terms is a thousand levels deep.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .atoms import ATOMS

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_SKIPPED = frozenset({"ctx", "kind", "type_comment", "returns", "annotation", "simple"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_WITH_DOCSTRING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ENTER_CLASS, _ENTER_FUNCTION, _LEAVE = object(), object(), object()


def canonical_syntax(function: FunctionNode) -> bytes:
    """The canonical form of one function; two functions have the same one if and only if they say the same."""
    parameters = function.args
    root: list[Any] = [type(function).__name__.encode() + b"("]
    for field in ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"):
        root += _field(field, getattr(parameters, field))
    root += _field("type_params", getattr(function, "type_params", None))
    body = function.body
    root += _field("body", body if isinstance(body, ast.expr) else _without_docstring(body))
    return _write([*root, b")"])


def _write(root: list[Any]) -> bytes:
    """Depth first, on a stack of bytes to write, nodes, lists, plain values, and marks where a scope begins or ends."""
    out: list[bytes] = []
    todo = root[::-1]
    in_class = [False]
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            out.append(item)
        elif isinstance(item, ast.AST):
            todo.extend(reversed(_pieces(item, in_class[-1])))
        elif isinstance(item, list):
            out.append(b"[")
            todo.append(b"]")
            todo.extend(reversed(_statements(item, in_class[-1])))
        elif item is _LEAVE:
            in_class.pop()
        elif item is _ENTER_CLASS or item is _ENTER_FUNCTION:
            in_class.append(item is _ENTER_CLASS)
        else:
            out.append(ATOMS[type(item)](item))
    return b"".join(out)


def _pieces(node: ast.AST, in_class: bool) -> list[Any]:
    if isinstance(node, ast.Constant):
        return [b"Constant(", ATOMS[type(node.value)](node.value), b")"]
    if isinstance(node, ast.AnnAssign):
        if in_class:
            return [b"AnnAssign(", *_field("target", node.target), *_field("annotation", node.annotation),
                    *_field("value", node.value), b")"]  # fmt: skip
        if node.value is None:
            return [b"Expr(", *_field("value", node.target), b")"]  # a.b: int evaluates a
        return [b"Assign(", *_field("targets", [node.target]), *_field("value", node.value), b")"]
    pieces: list[Any] = [type(node).__name__.encode() + b"("]
    for field in _fields(type(node)):
        value = getattr(node, field, None)
        if field == "body" and isinstance(node, _WITH_DOCSTRING):
            value = _without_docstring(node.body)
        elif field == "values" and isinstance(node, ast.JoinedStr):
            value = list(_joined(node.values))
        pieces += _field(field, value)
    if isinstance(node, _FUNCTIONS):
        pieces = [_ENTER_FUNCTION, *pieces, _LEAVE]
    elif isinstance(node, ast.ClassDef):
        pieces = [_ENTER_CLASS, *pieces, _LEAVE]
    return [*pieces, b")"]


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple([field for field in kind._fields if field not in _SKIPPED])


def _field(name: str, value: Any) -> list[Any]:
    return [] if value is None or value == [] else [name.encode() + b"=", value]


def _statements(items: list[Any], in_class: bool) -> list[Any]:
    """A list of nodes; of local variables, annotations without a value are gone."""
    if in_class or not items or not isinstance(items[0], ast.stmt):
        return items
    kept = [item for item in items if not _only_annotates(item)]
    return kept or [ast.Pass()]


def _only_annotates(item: ast.stmt) -> bool:
    return isinstance(item, ast.AnnAssign) and item.value is None and isinstance(item.target, ast.Name)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:] or [ast.Pass()]
    return body


def _joined(values: list[ast.expr]) -> Iterator[ast.expr]:
    """The pieces of an f-string in the one form that all versions share."""
    text = ""
    for value in _flat(values):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text += value.value
            continue
        if text:
            yield ast.Constant(text)
        text = ""
        yield value
    if text:
        yield ast.Constant(text)


def _flat(values: list[ast.expr]) -> Iterator[ast.expr]:
    for value in values:
        if isinstance(value, ast.JoinedStr):
            yield from _flat(value.values)
        else:
            yield value
