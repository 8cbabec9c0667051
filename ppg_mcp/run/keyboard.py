"""Enter on the terminal lists the running jobs.

Standard input is read only where it is a terminal, and only while this process group is in its foreground: a process in
the background that reads its terminal is stopped by the kernel. In the background the descriptor is not even
waited for, because it is ready whenever the user types something for the shell; it is taken up again when the
foreground comes back. At end of file it is left alone for good.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

STDIN = 0
LOOK_AGAIN_S = 1.0
"""How often to see whether the foreground came back."""


class Watcher(Protocol):
    """What waits for descriptors, beside all else that the run waits for."""

    def watch(self, fd: int, on_ready: Callable[[], None]) -> None:
        """Call `on_ready` whenever this becomes readable."""

    def unwatch(self, fd: int) -> None:
        """No more."""


class Keyboard:
    """`pressed(times)` is called when Enter was pressed."""

    def __init__(self, watcher: Watcher, pressed: Callable[[int], None]) -> None:
        self._watcher = watcher
        self._pressed = pressed
        self._watching = False
        self._ended = not _is_terminal()
        self._look_s = 0.0

    def tick(self, now: float) -> None:
        """Listen, if we are in the foreground; cheap."""
        if self._ended or self._watching or now < self._look_s:
            return
        self._look_s = now + LOOK_AGAIN_S
        if _in_foreground():
            self._watching = True
            self._watcher.watch(STDIN, self._read)

    def stop(self) -> None:
        """Listen no more."""
        if self._watching:
            self._watching = False
            self._watcher.unwatch(STDIN)

    def _read(self) -> None:
        if not _in_foreground():
            self.stop()
            return
        try:
            typed = os.read(STDIN, 4096)
        except OSError:
            typed = b""
        if typed:
            self._pressed(typed.count(b"\n"))
        else:
            self._ended = True
            self.stop()


def _is_terminal() -> bool:
    try:
        return os.isatty(STDIN)
    except OSError:
        return False


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:
        return False
