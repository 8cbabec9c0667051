"""Local mode: the supervisor of this machine, forked from the user's process.

`start` is called before any zmq context or thread of ours exists. The user's closures and open data are inherited, so
nothing has to be pickled. The caller makes the session directory (`survivors.session_directory`), starts the
supervisor, then binds a ServerLink to the endpoint; the supervisor connects when that is there, and says Ready.

How it ends: by Shutdown, by SIGTERM (both orderly), with the caller's end, or when it is killed, which the caller
learns from the pidfd and answers with CommunicationFailure.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from ppg_cs import supervisor
from ppg_cs.config import SupervisorConfig
from ppg_cs.tasks import Task


@dataclass(frozen=True, slots=True)
class EmbeddedSupervisor:
    """A running supervisor: `pidfd` becomes readable when it has ended. The caller closes it and reaps `pid`."""

    pid: int
    pidfd: int


def start(config: SupervisorConfig, task_of: Callable[[int], Task]) -> EmbeddedSupervisor:
    """Fork the supervisor. `task_of(index)` gives the task of a job of the initial graph; it runs in data processes.

    Raises OSError when the system has no process left.
    """
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except Exception:  # noqa: BLE001, RUF100  # None, closed, a full disk, or whatever the script put in its place
            pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        supervisor.run(config, task_of)
    return EmbeddedSupervisor(pid, os.pidfd_open(pid))
