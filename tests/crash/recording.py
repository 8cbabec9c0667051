"""What a process did to the files of one directory, as strace saw it: every write, truncation, name and sync, in order.

Texts that it wrote to descriptor 1 are in between, as `Said`: they tell what it had been promised by then.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat"
_LINE = re.compile(r"^(\w+)\((.*)\)\s+= (\d+)(?:<.*>)?$")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2}|[^>])*)>")


@dataclass(frozen=True)
class Opened:
    """A file was opened for writing; it exists now, and is empty if `truncated`."""

    path: str
    truncated: bool


@dataclass(frozen=True)
class Wrote:
    """Bytes at an offset; -1: at the end."""

    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncated:
    """The file has this size now."""

    path: str
    size: int


@dataclass(frozen=True)
class Synced:
    """All that was done to this file, or to the names in this directory, is on disk."""

    path: str


@dataclass(frozen=True)
class Named:
    """`path` is another name (link) or the new name (rename) of what `source` was; without a path, it has none."""

    source: str
    path: str
    moved: bool


@dataclass(frozen=True)
class Said:
    """To descriptor 1."""

    text: str


Operation = Opened | Wrote | Truncated | Synced | Named | Said


def record(command: Sequence[str], directory: Path, trace: Path) -> list[Operation]:
    """Run a command, which must end well, and tell what it did in `directory`."""
    if shutil.which("strace") is None:
        pytest.fail("strace is missing. On Debian and Ubuntu: apt-get install strace")
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"strace can't trace here: {probe.stderr}")
    options = ["-o", str(trace), "-e", f"trace={CALLS}", "-y", "-xx", "-s", "1000000"]
    done = subprocess.run(["strace", *options, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [op for line in trace.read_text().splitlines() for op in _operations(line, str(directory))]


def _operations(line: str, directory: str) -> Iterator[Operation]:
    match = _LINE.match(line)
    if match is None:
        return
    call, arguments, result = match.groups()
    strings = [_unescaped(text) for text in _STRING.findall(arguments)]
    fd = _FD.match(arguments)
    path = _unescaped(fd[2]).decode() if fd else ""
    if call == "write" and fd and fd[1] == "1":
        yield Said(strings[0].decode())
    elif call in ("rename", "renameat", "renameat2", "link", "linkat") and strings[0].startswith(directory.encode()):
        yield Named(strings[0].decode(), strings[1].decode(), call.startswith("rename"))
    elif call in ("unlink", "unlinkat") and strings[0].startswith(directory.encode()):
        yield Named(strings[0].decode(), "", True)
    elif call == "openat" and strings[0].startswith(directory.encode()) and "O_CREAT" in arguments:
        yield Opened(strings[0].decode(), "O_TRUNC" in arguments)
    elif path.startswith(directory):
        if call == "pwrite64":
            assert int(result) == len(strings[0])
            yield Wrote(path, int(arguments.rsplit(", ", 1)[1]), strings[0])
        elif call == "write":
            yield Wrote(path, -1, strings[0])
        elif call == "ftruncate":
            yield Truncated(path, int(arguments.rsplit(", ", 1)[1]))
        elif call in ("fsync", "fdatasync"):
            yield Synced(path)


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()
