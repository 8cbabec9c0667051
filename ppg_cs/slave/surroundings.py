"""How a data process on another machine gets the surroundings of the master: interpreter, environment, limits.

Variables that speak of a host, a login or a batch job are the daemon's own: those of the master would be wrong here.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from ppg_protocol.cluster_messages import Prepare, ResourceLimit

_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "WINDOWID", "TMUX", "TMUX_PANE", "STY", "TTY", "GPG_TTY")
_HARDWARE = ("HOSTNAME", "HOST", "HOSTTYPE", "MACHTYPE", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_PLACES = ("TMPDIR", "TMP", "TEMP", "KRB5CCNAME")
_SERVICE = ("INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "MAINPID", "MANAGERPID")
HOST_NAMES = frozenset((*_DESKTOP, *_HARDWARE, *_PLACES, *_SERVICE))
HOST_PREFIXES = ("SSH_", "XDG_", "DBUS_", "SLURM_", "PBS_", "LSB_", "SGE_", "PMI", "PPG_", "LISTEN_", "WATCHDOG_")
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Makes the C library's heap of a process eligible for huge pages, from its start on; see `ppg_cs.hugepages`."""


def interpreter(prepare: Prepare) -> str:
    """The master's, if it is here; else ours."""
    there = prepare.python and os.path.isfile(prepare.python) and os.access(prepare.python, os.X_OK)
    return prepare.python if there else sys.executable


def is_of_host(name: str) -> bool:
    """Whether a variable speaks of the machine, or of how somebody came to be on it."""
    return name in HOST_NAMES or name.startswith(HOST_PREFIXES)


def environment(prepare: Prepare, own: Mapping[str, str]) -> dict[str, str]:
    """The master's, with our own variables where they speak of the host."""
    theirs = {v.name: v.value for v in prepare.environment if not is_of_host(v.name)}
    return {**theirs, **{name: value for name, value in own.items() if is_of_host(name)}}


def start_environment(prepare: Prepare, own: Mapping[str, str], session: str) -> dict[str, str]:
    """What the data process is started with: it finds this package if the interpreter has none, and is found by it."""
    variables = environment(prepare, own)
    paths = [path for path in (variables.get("PYTHONPATH", ""), *_own_places()) if path]
    tunables = ":".join(filter(None, (variables.get("GLIBC_TUNABLES", ""), HUGE_PAGES)))
    return {**variables, "PYTHONPATH": ":".join(paths), "GLIBC_TUNABLES": tunables, "PPG_SESSION": session}


def enter(prepare: Prepare) -> None:
    """In the data process: make directory, umask, limits, path and variables the master's. Raises OSError."""
    os.chdir(prepare.cwd)
    os.umask(prepare.umask)
    for limit in prepare.limits:
        _apply(limit)
    sys.path[:] = _path(prepare)
    sys.argv[:] = [prepare.main_file]
    theirs = environment(prepare, {})
    for name in ("PYTHONPATH", "GLIBC_TUNABLES"):
        os.environ.pop(name, None)
        os.environ.update({name: theirs[name]} if name in theirs else {})


def _path(prepare: Prepare) -> Sequence[str]:
    """The master's; where its interpreter is not here, ours behind it: its packages may not be here either."""
    same = os.path.samefile(sys.executable, prepare.python) if os.path.exists(prepare.python) else False
    own = [] if same else [path for path in sys.path if path not in prepare.sys_path]
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
    specs = [find_spec(name) for name in ("ppg_cs", "ppg_protocol")]
    return list(dict.fromkeys(str(Path(spec.origin).parent.parent) for spec in specs if spec and spec.origin))
