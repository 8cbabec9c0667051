"""What a callback returned: nothing that matters, and no jobs.

Only the callback of a DependencyInjectionJob returns jobs. Anywhere else whoever returns one believes that something
comes of it, so saying nothing would leave him with a graph that lacks jobs or edges. Every other value is ignored, as a
callback that ends in an expression returns something that nobody meant (ADR 0047).

Jobs are made above this room, where they are marked as `NoResult`.
"""

from __future__ import annotations

from functools import partial
from types import NoneType

from ppg_protocol.errors import JobContractError

_COLLECTIONS = (list, tuple, set, frozenset, dict)
_MEANINGLESS = (NoneType, int)
"""A lambda that ends in `file.write()` returns a number."""


class NoResult:
    """Base of what is no result of a callback."""

    __slots__ = ()


def refuse_jobs(job_id: str, returned: object) -> None:
    """Raise JobContractError for a job, and for a collection that begins with one; whole data is not gone through."""
    first, what = returned, ""
    if type(returned) in _COLLECTIONS and returned:
        first = next(iter(returned.values() if isinstance(returned, dict) else returned))  # type: ignore[call-overload]
        what = f"a {type(returned).__name__} with "
    if isinstance(first, NoResult):
        raise JobContractError(
            f"The callback of {job_id!r} returned {what}{first!r}. Jobs are no result, and nothing would come of them. "
            "To have the jobs that depend on this one depend on more jobs, return those from the callback of a "
            "DependencyInjectionJob. To make jobs while the run goes on, make them in the callback of a "
            "JobGeneratingJob. What the script knows goes into depends_on()."
        )


def blame(callback: object, returned: type) -> str:
    """For the user whose callback left no proper output: which one it was, and what it is that it did not write."""
    while isinstance(callback, partial):
        callback = callback.func
    code = getattr(callback, "__code__", None)
    name = getattr(callback, "__qualname__", type(callback).__qualname__)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    value = (
        "" if returned in _MEANINGLESS else f" It returned something ({returned.__name__}), which nobody writes for it."
    )
    return f"The callback is {name}{where}.{value}"
