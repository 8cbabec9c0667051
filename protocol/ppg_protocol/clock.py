"""The clock of every link: seconds of CLOCK_BOOTTIME, which goes on while the machine is suspended.

Rejected: time.monotonic(), which stands still meanwhile, so that a lease would outlive what it was granted for.
"""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since the machine was started; comparable between the processes of one machine only."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
