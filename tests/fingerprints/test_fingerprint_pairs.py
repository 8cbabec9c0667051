"""Every pair of `fingerprint_pairs.py`, and operators, of which each differs from each other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from fingerprint_pairs import DIFFER, EQUAL

from ppg_mcp.fingerprints import fingerprint_function, function_description, in_words

BINARY = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "@",
    "<<",
    ">>",
    "&",
    "|",
    "^",
    "and",
    "or",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "is",
    "in",
]
OPERATORS = [
    *(f"a {op} b" for op in BINARY),
    "a is not b", "a not in b", "-a", "+a", "~a", "not a", "a", "b",
]  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name: str, define: Callable[..., Any]) -> None:
    one, other = EQUAL[name]
    assert fingerprint_function(define(one)) == fingerprint_function(define(other))


@pytest.mark.parametrize("name", DIFFER)
def test_differ(name: str, define: Callable[..., Any]) -> None:
    one, other = DIFFER[name]
    assert fingerprint_function(define(one)).digest != fingerprint_function(define(other)).digest


@pytest.mark.parametrize("template", ["def f(a, b): return {}", "f = lambda a, b: {}"])
def test_every_operator_differs_from_every_other(template: str, define: Callable[..., Any]) -> None:
    digests = {fingerprint_function(define(template.format(op))).code for op in OPERATORS}
    assert len(digests) == len(OPERATORS)


def test_every_augmented_operator_differs_from_every_other(define: Callable[..., Any]) -> None:
    operators = ["+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^"]
    assert len({fingerprint_function(define(f"def f(a): a {op}= 1")).code for op in operators}) == len(operators)


@pytest.mark.parametrize("name", [*EQUAL, *DIFFER])
def test_the_source_is_used_wherever_there_is_one(
    name: str, define: Callable[..., Any], by_syntax: Callable[[Any], bool]
) -> None:
    for source in {**EQUAL, **DIFFER}[name]:
        f = define(source)
        if type(f) is type(lambda: 0) and not hasattr(f, "__wrapped__"):
            assert by_syntax(f)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="new syntax")
def test_type_parameters(define: Callable[..., Any]) -> None:
    plain, generic = define("def f(x): return x"), define("def f[T](x): return x")
    assert fingerprint_function(plain) != fingerprint_function(generic)


def test_only_the_part_that_changed_differs(define: Callable[..., Any]) -> None:
    source = "def make(z):\n    def f(x=1): return x, z\n    return f\nf = make(3)"
    base = fingerprint_function(define(source))
    default = fingerprint_function(define(source.replace("x=1", "x=2")))
    closure = fingerprint_function(define(source.replace("make(3)", "make(4)")))
    code = fingerprint_function(define(source.replace("x, z", "z, x")))
    assert (base.code, base.closure) == (default.code, default.closure)
    assert (base.code, base.defaults) == (closure.code, closure.defaults)
    assert (base.defaults, base.closure) == (code.defaults, code.closure)
    words = in_words(function_description(define(source)))
    assert words == {"code": base.code.hex(), "defaults": "{'x': 1}", "closure": "{'z': 3}"}
    assert all(len(part) == 16 for part in (base.digest, base.code, base.defaults, base.closure))
