"""Turning an exception of user code into a `Failure`: nothing that the user's class does may break the report.

`__str__` may raise, pickling may fail, and what pickles may not load again (an `__init__` with other arguments than
`args`): the last is tried here, in the job's own process. What takes longer than `PATIENCE_S` is interrupted, and no
more than `PICKLED_BYTES_MAX` of a pickle is ever made: an exception may hold all the data of its job. What we ourselves
complain of has no traceback, since all of its frames would be ours.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType

import cloudpickle

from ppg_protocol.errors import JobContractError
from ppg_protocol.records import Failure

TEXT_BYTES_MAX = 64 << 10
PICKLED_BYTES_MAX = 1 << 20
PATIENCE_S = 5.0
"""For each of text, traceback and pickle."""


class _TooMuchError(BaseException):
    """Not worth waiting for, or keeping. No Exception, lest the user's code catch it."""


def describe(error: BaseException, skip_frames: int = 1) -> Failure:
    """The failure that reports `error`; the outermost `skip_frames` frames are ours and left out of its traceback.

    Called in the main thread.
    """
    exit_code = -1
    if isinstance(error, SystemExit):
        exit_code = error.code if isinstance(error.code, int) else 1
    text, trace = _text(error), _traceback(error, skip_frames)
    return Failure(type(error).__name__, text, trace, _pickled(error), -1, exit_code)


@contextlib.contextmanager
def _bounded_time() -> Iterator[None]:
    """Raise _TooMuchError in the middle of what takes longer than PATIENCE_S, by SIGALRM."""
    former = signal.signal(signal.SIGALRM, _stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGALRM,))
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if former is None else former)


def _stop(number: int, frame: object) -> None:
    raise _TooMuchError


def _text(error: BaseException) -> str:
    try:
        with _bounded_time():
            return str(error)[:TEXT_BYTES_MAX]
    except _TooMuchError:
        return f"(its __str__ took longer than {PATIENCE_S} s)"
    except BaseException as another:
        return f"(its __str__ raised {type(another).__name__})"


def _traceback(error: BaseException, skip_frames: int) -> str:
    trace: TracebackType | None = error.__traceback__
    for _ in range(skip_frames):
        trace = trace.tb_next if trace is not None else None
    if type(error) is JobContractError and all(_is_ours(frame) for frame, _ in traceback.walk_tb(trace)):
        return "\n".join(error.__notes__) if hasattr(error, "__notes__") else ""
    try:
        with _bounded_time():
            text = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException as another:
        text = f"{type(error).__name__} (its traceback could not be formatted: {type(another).__name__})"
    half = TEXT_BYTES_MAX // 2
    return text if len(text) <= 2 * half else f"{text[:half]}\n[…]\n{text[-half:]}"


def _is_ours(frame: FrameType) -> bool:
    return os.path.dirname(frame.f_code.co_filename) == os.path.dirname(__file__)


def _pickled(error: BaseException) -> bytes:
    """By reference where possible, so that `isinstance` holds for a class of the script itself; else by value."""
    for dump in (pickle.dump, cloudpickle.dump):
        sink = _Sink()
        try:
            with _bounded_time():
                dump(error, sink)
                pickled = b"".join(sink.parts)
                if type(pickle.loads(pickled)).__name__ == type(error).__name__:
                    return pickled
        except BaseException:
            continue
    return b""


class _Sink:
    """A file that refuses to grow beyond PICKLED_BYTES_MAX."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._room_bytes = PICKLED_BYTES_MAX

    def write(self, data: bytes | memoryview) -> int:
        """Called by the pickler."""
        self._room_bytes -= len(data)
        if self._room_bytes < 0:
            raise _TooMuchError
        self.parts.append(bytes(data))
        return len(data)
