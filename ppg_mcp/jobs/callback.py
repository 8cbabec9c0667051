"""What a callback may look like: how many arguments it takes, decided when the job is made and not when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from ppg_protocol.errors import JobContractError


def required_arguments(callback: Callable[..., Any]) -> int:
    """How many positional arguments must be given; raises JobContractError for keyword-only ones without default."""
    function = callback.__func__ if type(callback) is MethodType else callback
    if type(function) is FunctionType and not function.__code__.co_kwonlyargcount:
        bound = function is not callback
        return max(0, function.__code__.co_argcount - len(function.__defaults__ or ()) - bound)
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature: call them without arguments
        return 0
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    keywords = [p.name for p in required if p.kind == p.KEYWORD_ONLY]
    if keywords:
        raise JobContractError(f"{callback!r} has keyword-only arguments without a default: {', '.join(keywords)}.")
    return len(required)


def check_callback(job: object, callback: object, at_most: int, offered: str) -> int:
    """The number of arguments to call it with; raises JobContractError unless it is callable with at most that many."""
    if not callable(callback):
        raise JobContractError(f"{job!r}: the callback must be callable, not {callback!r} ({type(callback).__name__}).")
    count = required_arguments(callback)
    if count > at_most:
        raise JobContractError(
            f"{job!r}: the callback needs {count} arguments, but {offered}. "
            "Bind the others with default values, `def callback(x=x)`, or functools.partial."
        )
    return count
