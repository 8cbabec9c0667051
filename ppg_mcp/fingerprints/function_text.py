"""Which Python functions the code of a callable consists of, in order: as in `function_encoding`, to show their text.

For eyes only, so what is not found (a callable without Python code) is left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

MAX_FUNCTIONS = 100
MAX_SOURCE_CHARS = 1 << 16
"""Of the text that is kept; nobody looks at more."""


def functions_in(function: Callable[..., Any]) -> list[FunctionType]:
    """The callable itself, or what it calls first; then what it wraps."""
    found: dict[FunctionType, None] = {}
    todo: list[Any] = [function]
    for _ in range(MAX_FUNCTIONS):
        if not todo:
            break
        one = todo.pop()
        if type(one) is FunctionType:
            found[one] = None
            todo.extend(filter(callable, [getattr(one, "__wrapped__", None)]))
        else:
            todo.extend(reversed(list(_behind(one))))
    return list(found)


def _behind(value: Any) -> Iterator[Any]:
    if isinstance(value, (MethodType, staticmethod, classmethod)):
        yield value.__func__
    elif any(base.__module__ == "functools" and base.__qualname__ == "partial" for base in type(value).__mro__):
        yield value.func
    elif isinstance(value, type):
        methods = [getattr(value, name) for name in ("__new__", "__init__")]
        yield from (method for method in methods if type(method) is FunctionType)
    else:
        yield from filter(callable, [getattr(value, "__wrapped__", None)])
        call = type(value).__call__ if callable(value) else None
        if type(call) is FunctionType:
            yield call
