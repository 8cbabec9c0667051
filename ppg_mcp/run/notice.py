"""Lines on standard error, wherever that leads: a terminal that is gone, a closed file, somebody's replacement.

Rule: what can't be shown is dropped. A run is not worth less because nobody watches it, and what matters is in the logs
and in what `run()` raises.
"""

from __future__ import annotations

import sys


def notice(text: str) -> None:
    """Print a line to standard error, if there is one that takes it."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        print(text, file=stream, flush=True)
    except Exception:  # noqa: BLE001, RUF100  # OSError of a terminal that is gone, anything from a replacement
        pass
