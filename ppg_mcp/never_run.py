"""A word at the end of a script that made jobs and never ran them: without it the script ends as if all were done.

Said only to somebody who will not find out otherwise: not where the script ended by an exception, not in a session in
which run() may still have come, not under pytest, and not of a pipegraph that is quiet.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys

from . import util

ONLOOKERS = ("pytest", "IPython")
"""Modules of those who make jobs and look at them."""


def remind_at_exit() -> None:
    """Whatever pipegraph is there then."""
    atexit.unregister(_remind)
    atexit.register(_remind, os.getpid())


def _remind(pid: int) -> None:
    graph = util.global_pipegraph
    if graph is None or graph.was_started or not graph.by_id or graph.options.quiet or os.getpid() != pid:
        return
    failed = getattr(sys, "last_value", None) is not None
    if failed or hasattr(sys, "ps1") or sys.flags.interactive or any(name in sys.modules for name in ONLOOKERS):
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a standard error that is closed, or none
        sys.stderr.write("pypipegraph: the script made jobs and ended without run(), so nothing was done.\n")
