"""What a callback may look like, decided when the job is made and not when it runs: how many arguments it takes, and
that calling it does something, which calling a generator function or an `async def` does not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from ppg_protocol.errors import JobContractError

_SUSPENDED = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_GENERATOR


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


def check_callback(job: object, callback: object, at_most: int, offered: str, may_yield: bool = False) -> int:
    """The number of arguments to call it with; raises JobContractError unless it is callable with at most that many.

    `may_yield`: what it returns is iterated over, so it may be a generator function.
    """
    if type(callback) is FunctionType and callback.__defaults__ is None:
        code = callback.__code__
        count = code.co_argcount
        if count <= at_most and not code.co_kwonlyargcount and not code.co_flags & _SUSPENDED:
            return count
    if not callable(callback):
        raise JobContractError(f"{job!r}: the callback must be callable, not {callback!r} ({type(callback).__name__}).")
    _refuse_suspended(job, callback, may_yield)
    count = required_arguments(callback)
    if count > at_most:
        raise JobContractError(
            f"{job!r}: the callback needs {count} arguments, but {offered}. "
            "Bind the others with default values, `def callback(x=x)`, or functools.partial."
        )
    return count


def _refuse_suspended(job: object, callback: Callable[..., Any], may_yield: bool) -> None:
    flags = callback.__code__.co_flags if type(callback) is FunctionType else _code_flags(callback)
    if flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise JobContractError(
            f"{job!r}: the callback {callback!r} is an async function, and nothing awaits it. "
            "Give a function that calls asyncio.run()."
        )
    if flags & inspect.CO_GENERATOR and not may_yield:
        raise JobContractError(
            f"{job!r}: the callback {callback!r} has a yield in it, so calling it does nothing but make a generator. "
            "Give a function without a yield."
        )


def _code_flags(callback: Any) -> int:
    """Of the function that is behind a callable; 0 for what is not written in Python."""
    while isinstance(callback, (partial, MethodType)):
        callback = callback.func if isinstance(callback, partial) else callback.__func__
    if type(callback) is not FunctionType:
        callback = getattr(type(callback), "__call__", None)  # noqa: B004  # the method, not whether there is one
    return callback.__code__.co_flags if type(callback) is FunctionType else 0
