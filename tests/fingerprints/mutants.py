"""Every smallest change of a function's syntax, by a table: what may become of each field and of each kind of node.

A mutant is a source text whose function `f` says something else. Left alone is what does not count by decision: the
name, decorators and default expressions of `f` itself, docstrings, annotations outside of classes. Changes that do not
compile are left out, and those that say the same as the original or as an earlier mutant (`meaning` is the judge).

No pytest here: interpreters without it read this, too.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from meaning import meaning

Path = tuple[tuple[str, int], ...]
"""The way from the root to a node: (field, place in its list or -1)."""

_ELSE = "elsewhere"
_OPERATORS = (ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
_UNSEEN_OF_ALL = {"annotation", "returns", "type_comment", "ctx", "kind", "simple"}
_UNSEEN_OF_ROOT = {"name", "decorator_list", "defaults", "kw_defaults"}

# fields that may be absent, and what they are filled with
_FILLED: dict[tuple[str, str], Callable[[], Any]] = {
    ("Return", "value"): lambda: ast.Constant(None),
    ("Yield", "value"): lambda: ast.Constant(None),
    **{("Slice", field): lambda: ast.Name(_ELSE, ast.Load()) for field in ("lower", "upper", "step")},
    **{("Raise", field): lambda: ast.Name(_ELSE, ast.Load()) for field in ("exc", "cause")},
    ("Assert", "msg"): lambda: ast.Name(_ELSE, ast.Load()),
    ("AnnAssign", "value"): lambda: ast.Name(_ELSE, ast.Load()),
    ("withitem", "optional_vars"): lambda: ast.Name(_ELSE, ast.Store()),
    ("ExceptHandler", "type"): lambda: ast.Name(_ELSE, ast.Load()),
    ("match_case", "guard"): lambda: ast.Name(_ELSE, ast.Load()),
    ("FormattedValue", "format_spec"): lambda: ast.JoinedStr([ast.Constant(">5")]),
    ("TypeVar", "bound"): lambda: ast.Name(_ELSE, ast.Load()),
    **{(k, "default_value"): lambda: ast.Name(_ELSE, ast.Load()) for k in ("TypeVar", "TypeVarTuple", "ParamSpec")},
    **{("arguments", field): lambda: ast.arg(_ELSE) for field in ("vararg", "kwarg")},
    **{
        (kind, field): lambda: _ELSE
        for kind, field in [
            ("ExceptHandler", "name"), ("alias", "asname"), ("keyword", "arg"), ("ImportFrom", "module"),
            ("MatchAs", "name"), ("MatchStar", "name"), ("MatchMapping", "rest"),
        ]
    },
}  # fmt: skip

# kinds of nodes with the same fields, so that one may stand for another
_KINSHIPS = [
    (ast.List, ast.Tuple, ast.Set), (ast.ListComp, ast.SetComp, ast.GeneratorExp),
    (ast.Yield, ast.YieldFrom, ast.Await), (ast.For, ast.AsyncFor), (ast.With, ast.AsyncWith),
    (ast.FunctionDef, ast.AsyncFunctionDef), (ast.If, ast.While),
    (ast.Break, ast.Continue, ast.Pass), (ast.Global, ast.Nonlocal), (ast.Try, ast.TryStar), (ast.Import, ast.Delete),
    (ast.MatchSequence, ast.MatchOr), (ast.MatchSingleton, ast.MatchValue),
]  # fmt: skip


def mutants(source: str) -> dict[str, str]:
    """What was changed -> the changed source. Every one means something else than the original and than the others."""
    tree = ast.parse(source)
    seen = {meaning(source)}
    found: dict[str, str] = {}
    for path, node in _nodes(tree.body[-1], ()):
        for words, change in _changes(node, is_root=not path):
            text = _changed(tree, path, change)
            if text is not None and (means := meaning(text)) not in seen:
                seen.add(means)
                found[f"{len(found)}: {'.'.join(f'{f}[{i}]' for f, i in path)} {type(node).__name__} {words}"] = text
    return found


def _nodes(root: ast.AST, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    yield path, root
    in_class_body = isinstance(root, ast.AnnAssign)
    for field, value in ast.iter_fields(root):
        if field in _UNSEEN_OF_ALL and not (in_class_body and field == "annotation"):
            continue
        if field in _UNSEEN_OF_ROOT and path in ((), (("args", -1),)) and field != "name":
            continue
        for place, item in enumerate(value) if isinstance(value, list) else [(-1, value)]:
            if isinstance(item, ast.AST):
                yield from _nodes(item, (*path, (field, place)))


Change = Callable[[Any], Any]
"""Changes a node in place, or returns the one that takes its place."""


def _changes(node: ast.AST, is_root: bool) -> Iterator[tuple[str, Change]]:
    """Every change of this node itself; those of its children are theirs."""
    kind = type(node)
    for kin in _KINSHIPS:
        for other in kin if kind in kin else ():
            yield f"becomes {other.__name__}", lambda n, other=other: other(**_fields_for(n, other))
    if isinstance(node, _OPERATORS):
        for operator in _all_of(next(base for base in _OPERATORS if isinstance(node, base))):
            yield f"becomes {operator.__name__}", lambda n, operator=operator: operator()
    if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        yield "becomes a name", lambda n: ast.Name(_ELSE, ast.Load())
    if isinstance(node, ast.stmt) and not is_root:
        yield "becomes pass", lambda n: ast.Pass()
    if isinstance(node, ast.pattern):
        yield "becomes a wildcard", lambda n: ast.MatchAs()
    for field, value in ast.iter_fields(node):
        if field not in _UNSEEN_OF_ALL and not (is_root and field in _UNSEEN_OF_ROOT):
            yield from _changes_of_field(node, field, value)


def _changes_of_field(node: ast.AST, field: str, value: Any) -> Iterator[tuple[str, Change]]:
    if field == "value" and isinstance(node, (ast.Constant, ast.MatchSingleton)):
        for other in _others(node.value):
            yield f"becomes {other!r}"[:60], lambda n, other=other: setattr(n, "value", other)
    elif isinstance(value, str):
        yield f"{field} renamed", lambda n: setattr(n, field, value + "_")
    elif isinstance(value, int):
        for number in {"conversion": (-1, 97, 114, 115), "is_async": (0, 1), "level": (0, 1, 2, 3)}.get(field, ()):
            yield f"{field} is {number}", lambda n, number=number: setattr(n, field, number)
    elif isinstance(value, list):
        yield from _changes_of_list(field, value)
    filled = _FILLED.get((type(node).__name__, field))
    if filled is not None and value is None:
        yield f"{field} filled", lambda n: setattr(n, field, filled())
    elif value is not None and filled is not None:
        yield f"{field} dropped", lambda n: setattr(n, field, None)


def _changes_of_list(field: str, items: list[Any]) -> Iterator[tuple[str, Change]]:
    for place, item in enumerate(items):
        yield f"{field}[{place}] dropped", lambda n, p=place: getattr(n, field).__delitem__(p)
        if isinstance(item, str):
            yield f"{field}[{place}] renamed", lambda n, p=place, i=item: getattr(n, field).__setitem__(p, i + "_")
        else:
            yield f"{field}[{place}] twice", lambda n, p=place, i=item: getattr(n, field).insert(p, copy.deepcopy(i))
        if isinstance(item, ast.expr) and field == "keys":
            yield f"{field}[{place}] is **", lambda n, p=place: n.keys.__setitem__(p, None)
        if place:
            yield f"{field}[{place}] swapped", lambda n, p=place: _swap(getattr(n, field), p)
    if field == "orelse" and not items:
        yield "else added", lambda n: n.orelse.append(ast.Expr(ast.Name(_ELSE, ast.Load())))


def _swap(items: list[Any], place: int) -> None:
    items[place - 1], items[place] = items[place], items[place - 1]


def _others(value: Any) -> list[Any]:
    """Constants that look or compare like this one, and its neighbours."""
    if isinstance(value, bool) or value is None or value is ...:
        return [True, False, None, ..., 0, 1, 0.0, "", str(value)]
    if isinstance(value, (int, float, complex)):
        try:
            alike = [int(value.real), float(value.real), complex(value), bool(value)]
        except OverflowError:
            alike = [bool(value)]
        return [*alike, value + 1, str(value)[:9], None]
    if isinstance(value, str):
        return [value + "x", value + " ", value.encode("utf-8", "replace"), value.upper() + "x", None]
    return [value + b"x", value.decode(), None]


def _all_of(base: type) -> list[type]:
    return sorted(base.__subclasses__(), key=lambda kind: kind.__name__)


def _fields_for(node: ast.AST, kind: type[ast.AST]) -> dict[str, Any]:
    return {field: getattr(node, field) for field in kind._fields if hasattr(node, field)}


def _changed(tree: ast.Module, path: Path, change: Change) -> str | None:
    """The source with this change; None if it does not compile, or can't be said."""
    tree = copy.deepcopy(tree)
    holder: Any = tree
    field, place = "body", len(tree.body) - 1
    for next_field, next_place in path:
        holder = _item(holder, field, place)
        field, place = next_field, next_place
    try:
        replaced = change(_item(holder, field, place))
        if isinstance(replaced, ast.AST) and place >= 0:
            getattr(holder, field)[place] = replaced
        elif isinstance(replaced, ast.AST):
            setattr(holder, field, replaced)
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<mutant>", "exec")
    except (SyntaxError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None
    return text


def _item(holder: Any, field: str, place: int) -> Any:
    value = getattr(holder, field)
    return value[place] if place >= 0 else value
