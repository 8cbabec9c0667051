"""Turning an exception of user code into a `Failure`: nothing that the user's class does may break the report.

`__str__` may raise, pickling may fail, and what pickles may not load again (an `__init__` with other arguments than
`args`): the last is tried here, in the job's own process, so that nobody else has to guard against it.
"""

from __future__ import annotations

import traceback
from types import TracebackType

import cloudpickle

from ppg_protocol.messages import Failure

TEXT_BYTES_MAX = 64 << 10
PICKLED_BYTES_MAX = 1 << 20


def describe(error: BaseException, skip_frames: int = 1) -> Failure:
    """The failure that reports `error`; the outermost `skip_frames` frames are ours and left out of its traceback."""
    exit_code = -1
    if isinstance(error, SystemExit):
        exit_code = error.code if isinstance(error.code, int) else 1
    return Failure(type(error).__name__, _text(error), _traceback(error, skip_frames), _pickled(error), -1, exit_code)


def _text(error: BaseException) -> str:
    try:
        return str(error)[:TEXT_BYTES_MAX]
    except BaseException as another:
        return f"(its __str__ raised {type(another).__name__})"


def _traceback(error: BaseException, skip_frames: int) -> str:
    trace: TracebackType | None = error.__traceback__
    for _ in range(skip_frames):
        trace = trace.tb_next if trace is not None else None
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException as another:
        text = f"{type(error).__name__} (its traceback could not be formatted: {type(another).__name__})"
    half = TEXT_BYTES_MAX // 2
    return text if len(text) <= 2 * half else f"{text[:half]}\n[…]\n{text[-half:]}"


def _pickled(error: BaseException) -> bytes:
    try:
        pickled: bytes = cloudpickle.dumps(error)
        if len(pickled) <= PICKLED_BYTES_MAX and type(cloudpickle.loads(pickled)).__name__ == type(error).__name__:
            return pickled
    except BaseException:
        pass
    return b""
