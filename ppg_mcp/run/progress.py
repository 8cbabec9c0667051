"""What the user sees while a run goes on: live lines on a terminal, a plain line now and then elsewhere.

Rules: everything goes to standard error as it is at that moment; nothing when quiet. `update` is cheap, it draws only
when the interval is over. A stream that was replaced, closed, or breaks never breaks a run: then nothing is shown any
more. The streams of the script are left alone (rich would put proxies in their place).
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .printable import duration, printable
from .situation import Snapshot
from .terminal import say, unbuffered

if TYPE_CHECKING:
    from rich.live import Live

LIVE_INTERVAL_S = 0.2
PLAIN_INTERVAL_S = 60.0
PLAIN_FIRST_S = 10.0
"""The first plain line comes sooner: a run in the background that waits for something says so before one goes away."""
MAX_SHOWN_JOBS = 4

Look = Callable[[float], Snapshot]


class Progress:
    """`note` prints a line that stays, `update` draws where the run stands."""

    def __init__(self, quiet: bool, interactive: bool, started_s: float) -> None:
        self._quiet = quiet
        self._live: Live | None = None
        self._terminal = interactive and not quiet and _is_terminal(sys.stderr)
        self._interval_s = LIVE_INTERVAL_S if self._terminal else PLAIN_INTERVAL_S
        self.next_s = math.inf if quiet else started_s + min(self._interval_s, PLAIN_FIRST_S)
        """When `update` will draw."""

    def note(self, text: str) -> None:
        """A line that stays."""
        self._guarded(lambda: self._print(text))

    def update(self, now: float, look: Look) -> None:
        """Draw, if it is time to."""
        if now < self.next_s:
            return
        self.next_s = now + self._interval_s
        snapshot = look(now)
        if self._terminal:
            self._guarded(lambda: self._draw(snapshot))
        else:
            self.note(plain_line(snapshot))

    def enter_pressed(self, times: int) -> None:
        """The terminal has moved the cursor down, out of the live lines."""
        if self._live is not None:
            from rich.control import Control

            console = self._live.console
            self._guarded(lambda: console.control(Control.move(0, -times)))

    def close(self) -> None:
        """Take the live lines away."""
        live, self._live = self._live, None
        if live is not None:
            self._guarded(live.stop)

    def _guarded(self, show: Callable[[], Any]) -> None:
        if self._quiet:
            return
        try:
            show()
        except Exception:  # noqa: BLE001, RUF100  # whatever somebody put in place of the stream may raise
            self._quiet, self._live, self.next_s = True, None, math.inf

    def _print(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            say(text)

    def _draw(self, snapshot: Snapshot) -> None:
        from rich.text import Text

        text = Text("\n".join(live_lines(snapshot)), no_wrap=True, overflow="ellipsis")
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                text,
                console=Console(file=unbuffered(sys.stderr)),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(text, refresh=True)


def plain_line(snapshot: Snapshot) -> str:
    """Everything in one line."""
    jobs = ", ".join(_jobs(snapshot))
    return _counts(snapshot) + (f" ({jobs})" if jobs else "")


def live_lines(snapshot: Snapshot) -> list[str]:
    """Counts, and below them the jobs that have run longest."""
    return [_counts(snapshot), *(f"  {job}" for job in _jobs(snapshot))]


def _counts(snapshot: Snapshot) -> str:
    failed = f", {snapshot.failed} failed" if snapshot.failed else ""
    left = f", about {duration(snapshot.left_s)} left" if snapshot.left_s is not None else ""
    counts = f"{snapshot.done}/{snapshot.total} done, {len(snapshot.running)} running, {snapshot.waiting} waiting"
    return f"pypipegraph: {duration(snapshot.elapsed_s)}: {counts}{failed}{left}"


def _jobs(snapshot: Snapshot) -> list[str]:
    longest = snapshot.running[:MAX_SHOWN_JOBS]
    running = [f"{printable(one.job_id)} {duration(snapshot.now - one.since)}" for one in longest]
    if snapshot.waits_for:
        return [printable(snapshot.waits_for)]
    return [*(f"{printable(job_id)} is loaded" for job_id in snapshot.loading[:MAX_SHOWN_JOBS]), *running]


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty()) and os.environ.get("TERM") not in ("dumb", "unknown")
    except Exception:  # noqa: BLE001, RUF100  # as above
        return False
