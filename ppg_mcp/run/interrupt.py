"""Ctrl-C and SIGTERM during a run: noted at once, acted on by the run loop at a moment when nothing is half done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from ..exceptions import Stopped


class Interrupts:
    """While entered, SIGINT and SIGTERM set `received` and make `fd` readable, until `drain`; a second one raises at
    once, but not within `held`: there it sets `insisted`, and raises at the end.

    A signal that the script ignores stays ignored, SIGINT for example where a shell script started it with `&`.
    Outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.insisted = False
        self._holding = False
        self.fd = self._wake = -1
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        self.fd, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        for number, handler in self._former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._former.clear()
        os.close(self.fd)
        os.close(self._wake)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            self.insisted = True
            if not self._holding:
                raise KeyboardInterrupt
            return
        self.received = signal.Signals(number)
        try:
            os.write(self._wake, b"!")
        except BlockingIOError:
            pass

    def drain(self) -> None:
        """Whoever waited for `fd` is awake, and may wait again for something else."""
        os.read(self.fd, 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is done here is not torn apart: processes are made with somebody to end them, and ended."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self.insisted:
            raise KeyboardInterrupt

    def raise_received(self) -> None:
        """After the clean stop and outside of `with`: end as the signal asked."""
        if self.received is signal.SIGTERM:
            os.kill(os.getpid(), signal.SIGTERM)
        if self.received is not None:
            raise Stopped
