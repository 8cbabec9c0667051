"""`define` makes functions the way users do: from a file that is imported."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ppg_mcp.fingerprints.codes import CodeRegistry
from ppg_mcp.fingerprints.function_encoding import encode_function

Define = Callable[..., Any]


def import_file(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def define(tmp_path: Path) -> Define:
    """define(source, name="f"): import the source as a file of its own and return what it calls `name`."""
    numbers = itertools.count()

    def define(source: str, name: str = "f") -> Any:
        stem = f"source_{next(numbers)}"
        path = tmp_path / f"{stem}.py"
        path.write_text(source, encoding="utf-8")
        return getattr(import_file(path, "module_under_test"), name)

    return define


def by_syntax(function: Any) -> bool:
    """Was the source used (and not the bytecode)?"""
    form = encode_function(function, CodeRegistry(bytes)).code
    return form.startswith((b"FunctionDef(", b"AsyncFunctionDef(", b"Lambda("))


@pytest.fixture(name="by_syntax")
def by_syntax_fixture() -> Callable[[Any], bool]:
    return by_syntax
