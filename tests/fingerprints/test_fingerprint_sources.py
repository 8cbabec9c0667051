"""When the source may be trusted: only if it is what the running code was compiled from."""

from __future__ import annotations

import functools
import gc
import linecache
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ppg_mcp.fingerprints import fingerprint_function
from ppg_mcp.fingerprints.codes import CodeRegistry
from ppg_mcp.fingerprints.sources import Source

BySyntax = Callable[[Any], bool]
Define = Callable[..., Any]
TWO = "def f():\n    return 1\n\ndef g():\n    return 2\n"


def rewrite(f: Any, old: str, new: str) -> None:
    """Edit the file that `f` came from, now that it is imported."""
    path = Path(f.__code__.co_filename)
    before = path.stat()
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))


def fresh(f: Any) -> bytes:
    """The code part as a process that has not seen the file yet would get it."""
    linecache.clearcache()
    from ppg_mcp.fingerprints.digest import digest

    return CodeRegistry(digest).of(f).summary


def test_code_edited_after_the_import_is_not_what_runs(define: Define, by_syntax: BySyntax) -> None:
    f = define(TWO)
    rewrite(f, "return 1", "return 3")
    assert not by_syntax(f)
    assert fresh(f) != fresh(define(TWO.replace("return 1", "return 3")))


def test_after_an_edit_the_functions_that_only_moved_keep_their_fingerprints(
    define: Define, by_syntax: BySyntax
) -> None:
    g = define(TWO, "g")
    before = fresh(g)
    rewrite(g, "return 1\n", "x = 3\n    return x\n")
    assert by_syntax(g)
    assert fresh(g) == before


def test_comments_and_docstrings_may_be_edited_while_it_runs(define: Define, by_syntax: BySyntax) -> None:
    f = define(TWO)
    before = fresh(f)
    rewrite(f, "def f():\n", 'def f() -> int:\n    """New."""\n\n    # more\n')
    assert by_syntax(f)
    assert fresh(f) == before


def test_a_file_that_is_gone_or_broken_leaves_the_bytecode(define: Define, by_syntax: BySyntax) -> None:
    f, g = define(TWO), define(TWO)
    Path(f.__code__.co_filename).unlink()
    rewrite(g, "def g", "def g(")
    linecache.clearcache()
    assert not by_syntax(f)
    assert not by_syntax(g)
    assert fresh(f) == fresh(g)


def test_a_module_that_is_loaded_again_after_an_edit_is_read_again(define: Define) -> None:
    f = define(TWO)
    old = fingerprint_function(f)
    rewrite(f, "return 1", "return 3")
    namespace: dict[str, Any] = {}
    path = f.__code__.co_filename
    exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), namespace)
    assert fingerprint_function(namespace["f"]) == fingerprint_function(define(TWO.replace("return 1", "return 3")))
    assert fingerprint_function(f) == old


def test_exec_without_source_uses_the_bytecode(define: Define, by_syntax: BySyntax) -> None:
    def run(source: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(source, namespace)
        return namespace["f"]

    base = run("def f(a): return a in {'x', 'y', 'z'}, [b for b in a]")
    assert not by_syntax(base)
    fingerprint = fingerprint_function(base).digest
    assert (
        fingerprint_function(run("\n\ndef f(a):\n  return a in {'z', 'x', 'y'}, [b for b in a]")).digest == fingerprint
    )
    assert (
        fingerprint_function(run("def f(a):\n  'doc'\n  return a in {'z', 'x', 'y'}, [b for b in a]")).digest
        == fingerprint
    )
    assert (
        fingerprint_function(run("def g(a: int): return a in {'z', 'x', 'y'}, [b for b in a]\nf = g")).digest
        == fingerprint
    )
    for other in ("{'x', 'y'}, [b for b in a]", "{'x', 'y', 'z'}, [b for b in b]", "('x', 'y', 'z'), [b for b in a]"):
        assert fingerprint_function(run(f"def f(a): return a in {other}")).digest != fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return 1", "return 1.0"),
        ("return 1", "return True"),
        ("return 0.0", "return -0.0"),
        ("return a.x", "return a.y"),
        ("return lambda: 1", "return lambda: 2"),
        ("return a + 1", "return a - 1"),
        ("'doc'; return 'doc'", "'doc'; return 'cod'"),
        ("x = 'doc'; return 1", "x = 'cod'; return 1"),
        ("return {1: a}", "return {2: a}"),
        ("return f(x=a)", "return f(y=a)"),
        ("yield a", "return a"),
        (f"return {list(range(300))}, a, 1", f"return {list(range(300))}, a, 2"),
    ],
)
def test_bytecode_tells_functions_apart(one: str, other: str) -> None:
    a: dict[str, Any] = {}
    b: dict[str, Any] = {}
    exec(f"def f(a): {one}", a)
    exec(f"def f(a): {other}", b)
    assert fingerprint_function(a["f"]).digest != fingerprint_function(b["f"]).digest


def notebook_cell(source: str, name: str, flags: int = 0) -> dict[str, Any]:
    """As IPython runs a cell: its source lives in linecache only."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {}
    exec(compile(source, name, "exec", flags), namespace)
    return namespace


def test_notebook_cells_have_source(define: Define, by_syntax: BySyntax) -> None:
    cell = notebook_cell(TWO, "/tmp/ipykernel_1/12345.py")
    other = notebook_cell("# changed\n" + TWO, "/tmp/ipykernel_2/67890.py")
    assert by_syntax(cell["f"])
    assert fingerprint_function(cell["f"]) == fingerprint_function(other["f"]) == fingerprint_function(define(TWO))


def test_future_features_of_earlier_cells_and_await_at_top_level(by_syntax: BySyntax) -> None:
    import __future__

    import ast

    source = "def f(a: undefined_name): return a\nawait_here = 1\nasync def g(): pass\nawait g()\n"
    flags = __future__.annotations.compiler_flag | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    linecache.cache["cell-3"] = (len(source), None, source.splitlines(keepends=True), "cell-3")
    module = compile(source, "cell-3", "exec", flags)
    code = next(const for const in module.co_consts if getattr(const, "co_name", "") == "f")
    assert by_syntax(type(lambda: 0)(code, {}))


def test_scripts_run_as_main_have_source(tmp_path: Path, define: Define) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        TWO + "from ppg_mcp.fingerprints import fingerprint_function\nprint(fingerprint_function(f).digest.hex())\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "protocol")])}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint_function(define(TWO)).digest.hex()


def test_lambdas_of_one_line_are_told_apart_by_column(define: Define, by_syntax: BySyntax) -> None:
    functions = define(
        "f = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 1, lambda x: (x) + 1, lambda x: x + 1 * 1]"
    )
    fingerprints = [fingerprint_function(f).digest for f in functions]
    assert fingerprints[0] == fingerprints[2] == fingerprints[3]
    assert len(set(fingerprints)) == 3
    assert all(map(by_syntax, functions))


def test_source_with_warnings_odd_characters_and_encodings(tmp_path: Path, by_syntax: BySyntax, define: Define) -> None:
    assert by_syntax(define("def f(): return 'ä€', \"\\\\d\"\nü = 1\n"))
    path = tmp_path / "latin.py"
    path.write_bytes("# -*- coding: latin-1 -*-\ndef f(): return 'ä'\n".encode("latin-1"))
    namespace: dict[str, Any] = {}
    exec(compile(path.read_bytes(), str(path), "exec"), namespace)
    assert fingerprint_function(namespace["f"]) == fingerprint_function(define("def f(): return 'ä'"))


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf" + TWO.encode(), TWO.replace("\n", "\r\n").encode(), TWO.rstrip().encode()]
)
def test_marks_and_ends_of_lines_are_no_code(tmp_path: Path, data: bytes, by_syntax: BySyntax, define: Define) -> None:
    path = tmp_path / "other.py"
    path.write_bytes(data)
    namespace: dict[str, Any] = {}
    exec(compile(path.read_bytes(), str(path), "exec"), namespace)
    assert by_syntax(namespace["f"])
    assert fingerprint_function(namespace["f"]) == fingerprint_function(define(TWO))


def test_an_invalid_escape_that_was_warned_of_at_import_is_not_warned_of_again(
    tmp_path: Path, by_syntax: BySyntax
) -> None:
    path = tmp_path / "escape.py"
    path.write_text("def f(): return '\\d'\n")
    namespace: dict[str, Any] = {}
    with pytest.warns((DeprecationWarning, SyntaxWarning)):
        exec(compile(path.read_text(), str(path), "exec"), namespace)
    assert by_syntax(namespace["f"])


def test_code_that_ran_hot_or_under_a_tracer_is_recognised(define: Define, by_syntax: BySyntax) -> None:
    """CPython rewrites instructions in place: specialised ones, and traced ones since 3.12."""
    f = define("def f(n):\n    total = 0\n    for i in range(n):\n        total += i * 2\n    return str(total)[0]\n")
    before = fresh(f)
    f(10_000)
    old = sys.gettrace()
    sys.settrace(lambda frame, event, arg: None)
    f(10)
    hot = fresh(f)
    sys.settrace(old)
    assert by_syntax(f)
    assert hot == before


def test_a_long_sum_does_not_recurse(define: Define, by_syntax: BySyntax) -> None:
    assert by_syntax(define("def f(a): return " + " + ".join(["a"] * 900)))


def test_each_text_is_compiled_once_and_each_code_object_read_once(
    define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    original = Source.__init__
    monkeypatch.setattr(Source, "__init__", lambda self, *args: (made.append(args[1]), original(self, *args))[1])
    module = define(
        "def make(n):\n    return [lambda i=i: i for i in range(n)]\nf = make(1000)\n"
        + "".join(f"def g{i}(): return {i}\n" for i in range(100))
        + "g = [globals()[f'g{i}'] for i in range(100)]\n",
        "__dict__",
    )
    loop = [fingerprint_function(f) for f in module["f"]]
    assert len({one.code for one in loop}) == 1
    assert len({one.digest for one in loop}) == 1000
    assert len({fingerprint_function(g).code for g in module["g"]}) == 100
    assert len(made) == 1


def test_code_objects_are_forgotten_when_they_die() -> None:
    registry = CodeRegistry(bytes)

    def run() -> None:
        namespace: dict[str, Any] = {}
        exec("def f(): return 1", namespace)
        registry.of(namespace["f"])
        assert len(registry._entries) == 1

    run()
    gc.collect()
    assert len(registry._entries) == 0


def test_what_decorators_make_is_what_counts(define: Define) -> None:
    source = """
        import contextlib, functools
        @contextlib.contextmanager
        def f(): yield 1
        """
    one = define(textwrap.dedent(source))
    other = define(textwrap.dedent(source).replace("yield 1", "yield 2"))
    assert fingerprint_function(one) != fingerprint_function(other)


def ring() -> Any:
    def f() -> None: ...

    functools.update_wrapper(f, f)
    return f


def test_a_ring_of_wrapped_functions_ends() -> None:
    assert fingerprint_function(ring()).digest


@pytest.fixture(autouse=True)
def _clean_linecache() -> Iterator[None]:
    yield
    linecache.clearcache()
