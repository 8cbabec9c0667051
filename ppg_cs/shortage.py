"""When the system has no process left for what should start: how long to wait, and when to stop hoping.

Rules: what is refused goes back into the queue, and nothing starts for PAUSE_S or until something ended. As long as
anything is at work here its end may help; after PATIENCE_S without that, what is refused is given up.
"""

from __future__ import annotations

PAUSE_S = 0.5
PATIENCE_S = 10.0


class Shortage:
    """`until`: nothing starts before; None: there is none, as far as is known."""

    def __init__(self) -> None:
        self.until: float | None = None
        self._alone_since: float | None = None

    def refused(self, others_at_work: bool, now: float) -> bool:
        """A process could not be made; is there no hope any more?"""
        self.until = now + PAUSE_S
        if others_at_work:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        return self._alone_since is not None and now - self._alone_since >= PATIENCE_S

    def forked(self) -> None:
        """A process could be made."""
        self._alone_since = None

    def over(self) -> None:
        """Something ended, or the pause did: worth a try."""
        self.until = None
