"""Those who want to see how a run goes: the user at the keyboard, and whoever asks from another terminal.

They are served between the rounds of the run loop, from when its machine has started until that is stopped.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from ..ask.live import LiveAnswers
from ..ask.server import AskServer
from .keyboard import Keyboard
from .listing import listing
from .log import RunLog
from .progress import Progress
from .situation import Situation

if TYPE_CHECKING:
    from .machines import Machines


class Onlookers:
    """What they need is watched by the poll of the machines."""

    def __init__(
        self, machines: Machines, answers: LiveAnswers, progress: Progress, log: RunLog, interactive: bool
    ) -> None:
        self._situation: Situation = answers.situation
        self._progress = progress
        self._keyboard = Keyboard(machines, self._on_enter) if interactive else None
        self._server: AskServer | None = None
        try:
            self._server = AskServer(machines.run_directory, machines, answers)
        except OSError as error:
            log.debug(f"`python -m pypipegraph status` can't ask this run: {error}")

    @property
    def next_s(self) -> float:
        """When `tick` has something to do at the latest."""
        return self._server.next_s if self._server is not None else math.inf

    def tick(self, now: float) -> None:
        """Cheap."""
        if self._keyboard is not None:
            self._keyboard.tick(now)
        if self._server is not None:
            self._server.tick(now)

    def close(self) -> None:
        """Nobody is served any more."""
        if self._keyboard is not None:
            self._keyboard.stop()
        if self._server is not None:
            self._server.close()

    def _on_enter(self, times: int) -> None:
        self._progress.enter_pressed(times)
        self._progress.note(listing(self._situation.look(time.monotonic())))
