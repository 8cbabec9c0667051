"""What a fresh process does to itself before it may run anything: prctl, signals.

The C library is looked up once, at import, in the parent of all: forked children import nothing. Rules:

- `PR_SET_PDEATHSIG` is cleared by fork and fires when the *thread* that forked ends, so every process sets its own and
  all of ours fork from their main thread; the parent may be gone before the call, hence the comparison afterwards.
- Signal handlers of the user's script are for the user's process: the supervisor resets them once for all its heirs.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

_PRCTL = ctypes.PyDLL(None).prctl
_PRCTL.argtypes = [ctypes.c_int, ctypes.c_ulong]
_FALLOCATE = ctypes.CDLL(None).fallocate
_FALLOCATE.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SIGKILL, SIGCHLD, SIG_DFL = int(signal.SIGKILL), int(signal.SIGCHLD), int(signal.SIG_DFL)
set_handler: Callable[[int, int], object] = _signal.signal
"""Plain numbers, without the detour of `signal` through enums: a job process pays for each page that it touches."""

_VARIABLES: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
"""What `os.environ` shows."""

FALLOC_FL_KEEP_SIZE = 1
FALLOC_FL_PUNCH_HOLE = 2


def die_with_parent(parent_pid: int) -> None:
    """SIGKILL for this process when its parent ends; leave at once if that has happened already."""
    _PRCTL(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def leave(code: int, log: TextIO) -> NoReturn:
    """Leave without the interpreter's end. What is not yet written of the log is lost where the disk is full."""
    with contextlib.suppress(OSError, ValueError):
        log.flush()
    os._exit(code)


def outlive_parent() -> None:
    """Take `die_with_parent` back."""
    _PRCTL(PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Descendants whose parent ends become children of this process, whatever they daemonised."""
    if _PRCTL(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed; Linux 3.4 or later is needed")


def reset_signals() -> None:
    """Default dispositions for all handlers of the user's script, nothing blocked."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def name_attempt(key: int) -> None:
    """PPG_ATTEMPT, without the detour of `os.environ` through encoders."""
    value = b"%d" % key
    os.putenv(b"PPG_ATTEMPT", value)
    _VARIABLES[b"PPG_ATTEMPT"] = value


def forget_fork_server() -> None:
    """Let user code start a fork server of its own: the one that its parent had is no child of this process.

    multiprocessing asks with waitpid() whether the inherited one lives, which fails in every fork. Its constructor
    brings the object into the state before the first use.
    """
    module = sys.modules.get("multiprocessing.forkserver")
    if module is not None:
        module._forkserver.__init__()


def punch_hole(fd: int, offset: int, length_bytes: int) -> bool:
    """Give the blocks of a part of a file back; its size stays. False where the file system can't."""
    result: int = _FALLOCATE(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, length_bytes)
    return result == 0
