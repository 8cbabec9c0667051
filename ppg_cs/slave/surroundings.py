"""How a data process on another machine gets the surroundings of the master: interpreter, environment, limits.

Variables that speak of a host, a login or a batch job are the daemon's own: those of the master would be wrong here.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping, Sequence

from ppg_cs.slave.engine import package_path
from ppg_protocol.cluster_messages import Prepare, ResourceLimit

_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "WINDOWID", "TMUX", "TMUX_PANE", "STY", "TTY", "GPG_TTY")
_HARDWARE = ("HOSTNAME", "HOST", "HOSTTYPE", "MACHTYPE", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_PLACES = ("TMPDIR", "TMP", "TEMP", "KRB5CCNAME")
_SERVICE = ("INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "MAINPID", "MANAGERPID")
HOST_NAMES = frozenset((*_DESKTOP, *_HARDWARE, *_PLACES, *_SERVICE))
HOST_PREFIXES = ("SSH_", "XDG_", "DBUS_", "SLURM_", "PBS_", "LSB_", "SGE_", "PMI", "PPG_", "LISTEN_", "WATCHDOG_")
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Makes the C library's heap of a process eligible for huge pages, from its start on; see `ppg_cs.hugepages`."""
_START = (
    "import sys; n = 3 + int(sys.argv[2]); sys.path = [*sys.argv[3:n], *sys.path, *sys.argv[n:]]; "
    "from ppg_cs.slave.data_process import main; main()"
)
"""Arguments: a file descriptor, the number of entries to put before sys.path, these, and those to put behind it."""


def interpreter(prepare: Prepare) -> str:
    """The master's, if it is here; else ours."""
    there = prepare.python and os.path.isfile(prepare.python) and os.access(prepare.python, os.X_OK)
    return prepare.python if there else sys.executable


def start_command(prepare: Prepare, fd: int) -> list[str]:
    """What starts the data process. With the master's interpreter it finds the packages that the master found, and ours
    only for those that are not here: in PYTHONPATH, ours would hide them."""
    python = interpreter(prepare)
    theirs = prepare.sys_path if python == prepare.python else ()
    return [python, "-P", "-c", _START, str(fd), str(len(theirs)), *theirs, *_own_places()]


def is_of_host(name: str) -> bool:
    """Whether a variable speaks of the machine, or of how somebody came to be on it."""
    return name in HOST_NAMES or name.startswith(HOST_PREFIXES)


def environment(prepare: Prepare, own: Mapping[str, str]) -> dict[str, str]:
    """The master's, with our own variables where they speak of the host."""
    theirs = {v.name: v.value for v in prepare.environment if not is_of_host(v.name)}
    return {**theirs, **{name: value for name, value in own.items() if is_of_host(name)}}


def start_environment(prepare: Prepare, own: Mapping[str, str], session: str) -> dict[str, str]:
    """What the data process is started with, and found by."""
    variables = environment(prepare, own)
    tunables = ":".join(filter(None, (variables.get("GLIBC_TUNABLES", ""), HUGE_PAGES)))
    return {**variables, "GLIBC_TUNABLES": tunables, "PPG_SESSION": session}


def enter(prepare: Prepare) -> None:
    """In the data process: make directory, umask, limits, path and variables the master's. Raises OSError."""
    os.chdir(prepare.cwd)
    os.umask(prepare.umask)
    for limit in prepare.limits:
        _apply(limit)
    sys.path[:] = _path(prepare)
    sys.argv[:] = [prepare.main_file]
    os.environ.pop("GLIBC_TUNABLES", None)
    os.environ.update({v.name: v.value for v in prepare.environment if v.name == "GLIBC_TUNABLES"})


def _path(prepare: Prepare) -> Sequence[str]:
    """The master's; where its interpreter or its engine is not here, ours behind it, for what else is missing."""
    same = os.path.samefile(sys.executable, prepare.python) if os.path.exists(prepare.python) else False
    is_complete = same and os.path.dirname(package_path("ppg_cs")) in prepare.sys_path
    own = [] if is_complete else [path for path in sys.path if path not in prepare.sys_path]
    return [*prepare.sys_path, *own]


def _apply(limit: ResourceLimit) -> None:
    """As far as it is allowed: nobody can raise what is hard here."""
    try:
        _, hard = resource.getrlimit(limit.number)
        resource.setrlimit(limit.number, (_least(limit.soft, hard), hard))
    except (OSError, ValueError):
        pass


def _least(a: int, b: int) -> int:
    if resource.RLIM_INFINITY in (a, b):
        return b if a == resource.RLIM_INFINITY else a
    return min(a, b)


def _own_places() -> Sequence[str]:
    """Directories that hold the packages of compute slaves."""
    return list(dict.fromkeys(os.path.dirname(package_path(name)) for name in ("ppg_cs", "ppg_protocol")))
