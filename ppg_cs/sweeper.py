"""Ending what attempts left behind, before they are reported.

When a job process ends, whatever it started and did not end itself is orphaned and, since the supervisor is a child
subreaper, becomes the supervisor's child: a *stray*, like every child that is no data process. Killing a stray may
orphan further ones, so strays are killed until there are none; only that moment proves that the attempt is over. A
stray can't belong to an attempt that still runs: job processes are subreapers themselves.
"""

from __future__ import annotations

from ppg_cs import descendants
from ppg_cs.workforce import Workforce

RETRY_S = 0.01
SURVIVAL_S = 10.0
"""How long a process may survive SIGKILL until its attempt is reported anyway and its slot is left alone."""


class Sweeper:
    """Who waits for strays to be gone."""

    def __init__(self, workforce: Workforce) -> None:
        self._workforce = workforce
        self._waiting: dict[int, None] = {}
        self._since = 0.0

    def begin(self, keys: tuple[int, ...], now: float) -> None:
        """This work's own processes are gone; it waits for what they left."""
        if not self._waiting:
            self._since = now
        self._waiting.update(dict.fromkeys(keys))

    @property
    def busy(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def look(self, now: float) -> tuple[tuple[int, ...], list[int]] | None:
        """Kill strays. Once there are none: what waited, and the pids of those that would not die. None before that."""
        stuck = self.kill_strays()
        if stuck and now < self._since + SURVIVAL_S:
            return None
        keys, self._waiting = tuple(self._waiting), {}
        return keys, stuck

    def kill_strays(self) -> list[int]:
        """SIGKILL for every stray; returns their pids. They are reaped when they have died."""
        strays = self._workforce.strays()
        for pid in strays:
            descendants.kill(pid)
        return strays
