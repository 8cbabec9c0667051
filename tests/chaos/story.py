"""What was done to whom, and what came of it, with the seconds since the beginning of the round."""

from __future__ import annotations

import time


class Story:
    """Lines to print when a round fails; or, `aloud`, at once."""

    def __init__(self, aloud: bool) -> None:
        self._aloud = aloud
        self._began = time.monotonic()
        self.lines: list[str] = []

    def tell(self, text: str) -> None:
        line = f"{time.monotonic() - self._began:7.2f} s  {text}"
        if self._aloud:
            print(line, flush=True)
        else:
            self.lines.append(line)
