"""What supervisors on other machines are told to be like this process, and who we are."""

from __future__ import annotations

import os
import platform
import resource
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cloudpickle

from ppg_cs import machine
from ppg_cs.slave.distributions import installed
from ppg_cs.slave.engine import package_path
from ppg_protocol.cluster_messages import Prepare, ResourceLimit, Variable
from ppg_protocol.messages import Ready

from ..version import __version__

NONCE_SUFFIX = ".nonce"


def facts() -> Ready:
    """This process as a machine would describe itself."""
    return Ready(
        machine.machine_id(),
        platform.node(),
        os.getpid(),
        machine.cores(),
        machine.memory_bytes(),
        platform.python_version(),
        __version__,
        cloudpickle.__version__,
        sys.executable,
        time.time_ns(),
        installed(sys.path),
        package_path("ppg_mcp"),
        package_path("cloudpickle"),
    )


def prepare(directory: Path, nonce_file: Path, nonce: bytes, open_files: int) -> Prepare:
    """Our surroundings; `parts` is filled in for each peer. `open_files`: the limit before it was raised for links."""
    cwd = os.getcwd()
    mask = os.umask(0o077)
    os.umask(mask)
    return Prepare(
        project_directory=str(directory),
        nonce_file=str(nonce_file),
        nonce=nonce,
        python=sys.executable,
        cwd=cwd,
        umask=mask,
        sys_path=tuple(os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)),
        environment=tuple(Variable(name, value) for name, value in os.environ.items()),
        limits=tuple(_limits(open_files)),
        main_file=getattr(sys.modules["__main__"], "__file__", None) or "",
        parts=0,
    )


def _limits(open_files: int) -> Iterator[ResourceLimit]:
    numbers = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
    for number in sorted(numbers):
        soft, hard = resource.getrlimit(number)
        yield ResourceLimit(number, open_files if number == resource.RLIMIT_NOFILE else soft, hard)


@contextmanager
def nonce_beside(status_file: Path) -> Iterator[tuple[Path, bytes]]:
    """A file with random content beside the status store: who can read it back sees our directory. Gone at the end."""
    nonce = secrets.token_bytes(16)
    path = status_file.with_name(status_file.name + NONCE_SUFFIX)
    try:
        path.write_bytes(nonce)
        yield path, nonce
    finally:
        path.unlink(missing_ok=True)
