"""The source text that is kept to show later what changed: that of the code which really runs."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ppg_mcp.fingerprints import fingerprint_function, function_source

TEXT = '''
import functools

def plain(a):
    """A docstring."""
    return a  # and a comment

def wrapping(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)
    return wrapper

class Holder:
    def __init__(self):
        self.a = 1

    @wrapping
    def method(self):
        return self.a

    def __call__(self):
        return 2

one, two = lambda ä: ä + 1, lambda b: (b +
                                       2)
'''

Import = Callable[[str], ModuleType]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Write the text to a file, and import that."""

    def load(text: str) -> ModuleType:
        path = tmp_path / "written.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("written", path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return loaded

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return load


def test_the_text_as_it_was_written(module: Import) -> None:
    written = module(TEXT)
    assert function_source(written.plain) == ('def plain(a):\n    """A docstring."""\n    return a  # and a comment')
    assert function_source(functools.partial(written.plain, 1)) == function_source(written.plain)


def test_lambdas_that_share_a_line(module: Import) -> None:
    written = module(TEXT)
    assert function_source(written.one) == "lambda ä: ä + 1"
    assert function_source(written.two) == "lambda b: (b +\n2)"


def test_what_a_decorator_wraps_is_shown_below_it(module: Import) -> None:
    source = function_source(module(TEXT).Holder().method)
    assert source.startswith("@functools.wraps(f)\ndef wrapper(*args):")
    assert source.endswith("@wrapping\ndef method(self):\n    return self.a")


def test_classes_and_callable_objects(module: Import) -> None:
    written = module(TEXT)
    assert function_source(written.Holder) == "def __init__(self):\n    self.a = 1"
    assert function_source(written.Holder()) == "def __call__(self):\n    return 2"


def test_without_source_there_is_none() -> None:
    namespace: dict[str, Any] = {}
    exec("def made(): return 1", namespace)
    assert function_source(namespace["made"]) == ""
    assert function_source(len) == ""


def test_a_file_that_was_edited_after_its_import_is_not_taken_for_the_code(module: Import, tmp_path: Path) -> None:
    written = module("def f():\n    return 1\n")
    path = tmp_path / "written.py"
    path.write_text("def f():\n    return 22\n")
    os.utime(path, (1, 1))
    assert function_source(written.f) == ""
    path.write_text("# moved\n\ndef f():\n    return 1\n")
    assert function_source(module("# moved\n\ndef f():\n    return 1\n").f) == "def f():\n    return 1"


def test_a_huge_function_is_cut(module: Import) -> None:
    written = module("def f():\n" + "    x = 1\n" * 20_000)
    assert len(function_source(written.f)) == 65_536


def test_asking_for_the_text_changes_no_fingerprint(module: Import) -> None:
    written = module(TEXT)
    before = fingerprint_function(written.plain).digest
    function_source(written.plain)
    assert fingerprint_function(written.plain).digest == before
