"""Every construct: each smallest change is seen, each change of layout is not, on whatever way a function is read."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from types import CodeType
from typing import Any

import pytest
from constructs import constructs
from mutants import mutants
from relaid import relaid

from ppg_mcp.fingerprints import fingerprint_function
from ppg_mcp.fingerprints.bytecode import canonical_code

SYNTAX = (ast.expr, ast.stmt, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.pattern)


def made(source: str, name: str = "") -> Any:
    """The function `f` of a source; with a name, one that linecache knows, as in a notebook."""
    if name:
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"elsewhere": None}
    exec(compile(source, name or "<nowhere>", "exec"), namespace)
    return namespace["f"]


def test_no_class_of_syntax_is_missing() -> None:
    there = {type(node) for source in constructs().values() for node in ast.walk(ast.parse(source))}
    assert {kind for base in SYNTAX for kind in base.__subclasses__()} <= there


def test_constructs_differ_from_each_other() -> None:
    fingerprints = {fingerprint_function(made(s, f"<construct {n}>")).code for n, s in constructs().items()}
    assert len(fingerprints) == len(constructs())


@pytest.mark.parametrize("name", constructs())
def test_every_smallest_change_is_seen(name: str) -> None:
    """By the syntax, and by the bytecode wherever the compiler makes another one of it."""
    found = {"itself": constructs()[name]} | mutants(constructs()[name])
    assert len(found) > 15
    seen: dict[bytes, str] = {}
    for number, (change, source) in enumerate(found.items()):
        code = fingerprint_function(made(source, f"<{name} {number}>")).code
        assert code not in seen, f"{change} is taken for {seen[code]}:\n{source}"
        seen[code] = change


@pytest.mark.parametrize("name", constructs())
def test_bytecode_is_equal_exactly_if_the_code_objects_are(name: str) -> None:
    forms: dict[bytes, list[Any]] = {}
    for source in [constructs()[name], *mutants(constructs()[name]).values()]:
        code = made(source).__code__
        forms.setdefault(canonical_code(code), []).append(bare(code))
    for group in forms.values():
        assert all(one == group[0] for one in group[1:])
    kinds = [group[0] for group in forms.values()]
    assert all(one not in kinds[:place] for place, one in enumerate(kinds))


def bare(code: CodeType, is_root: bool = True) -> Any:
    """What a code object does, as Python values: without names of files, positions, and constants that no one loads."""
    import dis

    steps = []
    for step in dis.get_instructions(code):
        value: Any = step.arg
        if step.opcode in dis.hasconst:
            const = code.co_consts[step.arg or 0]
            value = bare(const, False) if isinstance(const, CodeType) else typed(const)
        steps.append((step.opcode, value))
    head = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0x3AC)
    names = (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars, "" if is_root else code.co_name)
    return head, names, steps, code.co_exceptiontable


def typed(value: Any) -> Any:
    if isinstance(value, (tuple, frozenset)):
        return type(value), sorted(map(repr, map(typed, value))) if isinstance(value, frozenset) else [
            *map(typed, value)
        ]
    return type(value), repr(value)


@pytest.mark.parametrize("name", constructs())
def test_layout_is_not_seen(name: str) -> None:
    source = constructs()[name]
    fingerprint = fingerprint_function(made(source, f"<{name}>")).digest
    for change, text in relaid(source).items():
        assert fingerprint_function(made(text, f"<{name} {change}>")).digest == fingerprint, f"{change}:\n{text}"


@pytest.fixture(autouse=True)
def _clean_linecache() -> Iterator[None]:
    yield
    linecache.clearcache()
