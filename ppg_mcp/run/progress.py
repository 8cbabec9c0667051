"""What the user sees while a run goes on: one live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .terminal import UNREADABLE, say

if TYPE_CHECKING:
    from rich.live import Live

LIVE_INTERVAL_S = 0.2
PLAIN_INTERVAL_S = 10.0
MAX_SHOWN_JOBS = 3


class Progress:
    """Prints to standard error, nothing when quiet. `update` is cheap; it draws only when the interval is over."""

    def __init__(self, quiet: bool, interactive: bool, started_s: float) -> None:
        self._quiet = quiet
        self._live: Live | None = None
        self._started_s = started_s
        self._terminal = interactive and not quiet and _is_terminal(sys.stderr)
        self._interval_s = LIVE_INTERVAL_S if self._terminal else PLAIN_INTERVAL_S
        self.next_s = started_s + self._interval_s
        self.total = 0
        self.done = 0
        self.failed = 0
        self.running: dict[int, tuple[str, float]] = {}
        """Job ids and start times by attempt."""

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._quiet:
            return
        if self._live is None:
            say(text)
            return
        try:
            self._live.console.print(text, markup=False, highlight=False)
        except UNREADABLE:
            self._give_up()

    def update(self, now: float) -> None:
        """Draw, if it is time to."""
        if self._quiet or now < self.next_s:
            return
        self.next_s = now + self._interval_s
        if not self._terminal:
            self.note(self._line(now))
            return
        try:
            self._draw(now)
        except UNREADABLE:
            self._give_up()

    def close(self) -> None:
        """Take the live line away."""
        live, self._live = self._live, None
        if live is not None:
            try:
                live.stop()
            except UNREADABLE:
                pass

    def _give_up(self) -> None:
        """Nobody sees it any more."""
        self._quiet = True
        self.close()

    def _draw(self, now: float) -> None:
        from rich.text import Text

        text = Text(self._line(now), no_wrap=True, overflow="ellipsis")
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(text, console=Console(file=sys.stderr), auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(text, refresh=True)

    def _line(self, now: float) -> str:
        waiting = max(0, self.total - self.done - self.failed - len(self.running))
        failed = f", {self.failed} failed" if self.failed else ""
        counts = f"{self.done}/{self.total} done, {len(self.running)} running, {waiting} waiting{failed}"
        longest = sorted(self.running.values(), key=lambda entry: entry[1])[:MAX_SHOWN_JOBS]
        jobs = ", ".join(f"{job_id} {_duration(now - since)}" for job_id, since in longest)
        return f"pypipegraph: {_duration(now - self._started_s)}: {counts}" + (f" ({jobs})" if jobs else "")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
