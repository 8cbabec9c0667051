"""SIGHUP during a run: the terminal is gone, the work goes on, as after a disconnected ssh (docs/adr/0035).

Rule: only the default effect, the end of the process, is replaced. Whoever ignores the signal (nohup) or handles it has
decided already. It is a handler and not SIG_IGN, because programs that jobs start would inherit that.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

from .log import RunLog


class Hangups:
    """While entered, SIGHUP is survived; the log says so at the end, since a handler must not touch open files.

    Outside the main thread, where no handler can be set, it does nothing.
    """

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._handles = False
        self._count = 0

    def __enter__(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, self._note)
            self._handles = True

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._handles:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if self._count:
            self._log.info("SIGHUP came (the terminal was closed); the run went on")

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
