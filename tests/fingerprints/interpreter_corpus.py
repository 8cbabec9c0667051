"""Prints the encodings of a corpus of functions and values as JSON, for `test_fingerprint_interpreters.py`.

    python interpreter_corpus.py DIRECTORY MUTANTS      where to put the sources; a JSON file with more of them

Runs on a bare interpreter: it prints what would be hashed, so that no xxhash is needed.
"syntax": encodings that must be equal everywhere, "newer": everywhere where they can be parsed. "bytecode": equal on
one interpreter, whatever PYTHONHASHSEED. "unmatched": the names of functions that had a source and were not found in
it.
"""

# ruff: noqa: E501 - lambdas that share one line are the point
from __future__ import annotations

import ast
import collections
import datetime
import decimal
import enum
import fractions
import functools
import importlib.util
import json
import pathlib
import re
import sys
import uuid
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple

from constructs import CONSTRUCTS, constructs
from fingerprint_pairs import DIFFER, EQUAL

from ppg_mcp.fingerprints.codes import CodeRegistry
from ppg_mcp.fingerprints.function_encoding import encode_function
from ppg_mcp.fingerprints.syntax import canonical_syntax
from ppg_mcp.fingerprints.values import encode_value

SYNTAX = (b"FunctionDef(", b"AsyncFunctionDef(", b"Lambda(")

# lambdas that share a line, in all the shapes whose bytecode gives the body's position in another way
LAMBDAS = """
L = [
 lambda: 1, lambda: 2, lambda: 1, lambda: None, lambda: (), lambda x: x, lambda x: -x, lambda: (1, 2), lambda: (1, [2]),
 lambda: 1 + 1, lambda: 2, lambda x: 1 if x else 2, lambda x: x if x else None, lambda x: x and 1, lambda x: x or None,
 lambda x: not x, lambda: (yield), lambda x: (yield x), lambda x: (yield from x), lambda x: [y for y in x],
 lambda x: {y: y for y in x}, lambda x: (y for y in x), lambda x: f"{x}", lambda x: f"a{x!r:>{x}}b", lambda x: "a" "b",
 lambda x: x[1:2], lambda x: x.a.b, lambda x: x.a(), lambda x: x(1)(2), lambda x: (z := x), lambda x: 1 < x < 2, lambda x: ...,
 lambda x: x in {1, 2}, lambda x: {1, 2}, lambda x: {**x}, lambda *x: [*x], lambda: "text", lambda: b"bytes", lambda: True,
 lambda x=(lambda: 1): x, lambda: (lambda: 1), lambda: lambda: 2, (lambda: (lambda: 3))(), lambda x: lambda: x,
 (lambda x: lambda: x)(1), lambda x: (x, lambda: x), lambda: print(lambda: 4), lambda x: x is None, lambda: not 1, lambda: -1,
]; M = [lambda: 1 + 1, lambda: 2, lambda: 1 - -1, lambda: 2.0, lambda: "ä", lambda: "ä" + "", lambda: "é"]; N = [lambda: 1]
A = [lambda: 1 + 1, lambda: 2, lambda: 4 - 2, lambda x: 1 + 1 if x else 3 - 2, lambda x: 2 if x else 1, lambda: (yield 2)]
B = [lambda: (yield 1 + 1), lambda x: None if x else None, lambda x: None if not x else None, lambda: None, lambda: (None)]
"""

FSTRINGS = r"""
def f(x, w, o):
    return [
        f"", f"abc", f"a{x}b{{}}", f"{x}{w}", f"{x!r:>{w}}", f"{x:{w}{o}}", f"{x:{w}.{o}}", f"{x=}", f"{ x = }", f"{x = !r:>5}",
        f"{x:}", f"{x!s:}", "a" f"b{x}" "c" f"" f"d", f"{x:%d\n}", f"{x,}", f"{x:a{w}b}", f'''{
        x}''', f"{f'{x}'}", f"{x['a']}", f"{x:{'>'}{5}}", rf"\d{x}\d", f"\N{BULLET}{x}", f"{lambda_}", f"{(lambda: x)()}",
        f"{x}" "{not}" f"{w}", f"{ {1: 2}[1] }", f"{x:{{}}}" if 0 else "", f"{3.4:10}" "\n" f"{x}", f"{'a' 'b'}{x}",
    ]
""".replace(' f"{x:{{}}}" if 0 else "",', "")

SETS = """
def f(x):
    return x in {"a", "b", "c", "d"}, x in {1, "1", 1.0, (1, "b"), None}, {"x", "y", "z"}, [y in {"p", "q", "r"} for y in x]
"""


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    a: int
    b: str


@dataclass
class Point:
    x: int
    y: Any


def values() -> list[Any]:
    ring: list[Any] = [1]
    ring.append({"ring": ring})
    return [
        {"b", "a", "c", "d", 1, 2.0, None, (1, "x"), frozenset({"p", "q", "r"})},
        {"z": 1, "y": {"x": {"s", "t", "u"}}, 1: 2, 1.5: 3, None: 4, "a": [True, False, ...]},
        [0.0, -0.0, float("nan"), float("-inf"), 1e300, 1e-320, 0.1, 1j, -0j, 10**5000, -1, 2**64],
        ["", "ä", "\udcff", "\U0001f600", b"", b"\xff", bytearray(b"x")],
        [Color.RED, Color.BLUE, Rights.READ | Rights.WRITE, Rights.READ, Pair(1, "x"), Point(1, {"a", "b"})],
        [collections.OrderedDict(b=1, a=2), collections.Counter("abca"), collections.deque([1], 3), collections.defaultdict(list, a=[1])],
        [decimal.Decimal("1.10"), fractions.Fraction(1, 3), range(3), slice(1, None), uuid.UUID(int=5), re.compile("a+", re.I)],
        [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.UTC), datetime.timedelta(1, 2, 3)],
        [pathlib.Path("a/b"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a")],
        [len, str.upper, "a".upper, min, Pair, json, functools.partial(min, 1), lambda: 0, object(), type, int.__add__],
        ring,
    ]  # fmt: skip


def main(directory: str, mutants: str) -> None:
    sources = {name: pair[0] for name, pair in EQUAL.items()} | {name + " 2": pair[1] for name, pair in EQUAL.items()}
    sources |= {"not " + name: pair[0] for name, pair in DIFFER.items()}
    sources |= {"not " + name + " 2": pair[1] for name, pair in DIFFER.items()}
    sources |= {"lambdas": LAMBDAS, "f-strings": FSTRINGS, "sets": SETS}
    sources |= {f"construct {name}": source for name, source in CONSTRUCTS.items()}
    sources |= json.loads(pathlib.Path(mutants).read_text(encoding="utf-8"))
    newer = {f"newer {name}": source for name, source in constructs().items() if name not in CONSTRUCTS}
    sources |= newer
    result: dict[str, Any] = {"syntax": {}, "newer": {}, "bytecode": {}, "unmatched": []}
    codes = CodeRegistry(bytes)
    for number, (name, source) in enumerate(sources.items()):
        path = pathlib.Path(directory) / f"corpus_{number}.py"
        path.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("corpus", path)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        functions = {"f": module.f} if hasattr(module, "f") else {}
        for group in "LMNAB" if name == "lambdas" else "":
            functions |= {f"{group}{i}": f for i, f in enumerate(getattr(module, group))}
        for key, function in functions.items():
            key = f"{name} {key}"
            encoding = encode_function(function, codes)
            encoded = [part.hex() for part in (encoding.code, encoding.defaults, encoding.closure)]
            plain = type(function) is FunctionType and not hasattr(function, "__wrapped__")
            if plain and not encoding.code.startswith(SYNTAX):
                result["unmatched"].append(key)
            result["newer" if name in newer else "syntax"][key] = encoded
        without_source: dict[str, Any] = {}
        exec(compile(source, "<nowhere>", "exec"), without_source)
        if "f" in without_source:
            result["bytecode"][name] = encode_function(without_source["f"], codes).code.hex()
    for number, value in enumerate(values()):
        unseen: list[Any] = []
        result["syntax"][f"value {number}"] = encode_value(value, unseen).hex()
        assert not unseen, unseen
    result["version"] = sys.version_info[:2]
    result["expected lambdas"] = lambdas()
    json.dump(result, sys.stdout)


def lambdas() -> dict[str, str]:
    """By reading the source: what the lambdas of each list must be."""
    out: dict[str, str] = {}
    for statement in ast.parse(LAMBDAS).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.List):
            group = statement.targets[0].id  # type: ignore[attr-defined]
            for i, node in enumerate(statement.value.elts):
                if isinstance(node, ast.Call):  # (lambda: inner)(): it returns the inner one
                    node = node.func.body  # type: ignore[attr-defined]
                out[f"lambdas {group}{i}"] = canonical_syntax(node).hex()  # type: ignore[arg-type]
    return out


if __name__ == "__main__":
    main(*sys.argv[1:])
