"""`FILE.md5sum` beside an input file: a checksum that somebody has taken already, and that is kept fresh.

It holds while its modification time is the file's: to the nanosecond, or to the second where its own is a whole second
(as the original wrote it). It may be the bare checksum, as in the original, or one line as `md5sum` (also `--tag`)
writes it; it keeps its form when it is refreshed. A list that names several files is read, but left alone.

A sidecar is a convenience: one that can't be read is no sidecar, one that can't be written stays stale.
Rejected: making a sidecar where none was. Whoever wants one makes an empty file.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass

SUFFIX = ".md5sum"
MAX_BYTES = 65536
NS_PER_S = 1_000_000_000

_HEX = rb"[0-9a-fA-F]{32}"
_BARE = re.compile(rb"(\s*)(" + _HEX + rb")(\s*)")
_LINE = re.compile(rb"(\\?)(" + _HEX + rb")( [ *].+)")
_TAGGED = re.compile(rb"(\\?MD5 \(.+\) = )(" + _HEX + rb")()")
_NAME = re.compile(rb" [ *](.+)|\\?MD5 \((.+)\) = ")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """`checksum` is what it states for the file, None for garbage. `before` and `after` surround it.

    `refreshable`: it is about this one file.
    """

    path: str
    mtime_ns: int
    checksum: bytes | None
    before: bytes = b""
    after: bytes = b""
    refreshable: bool = True

    def holds_at(self, mtime_ns: int) -> bool:
        """Is it of the same moment as a file with this modification time?"""
        if self.mtime_ns % NS_PER_S == 0:
            return self.mtime_ns // NS_PER_S == mtime_ns // NS_PER_S
        return self.mtime_ns == mtime_ns

    def refresh(self, checksum: bytes, mtime_ns: int) -> None:
        """Put one with this checksum and modification time in its place, whole or not at all. Raises OSError."""
        target = os.path.realpath(self.path)
        if not os.access(target, os.W_OK):
            raise PermissionError(f"{self.path} is not writable")
        temporary = f"{target}.new-{os.urandom(8).hex()}"
        try:
            with open(temporary, "xb") as file:
                file.write(self.before + checksum.hex().encode() + self.after)
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            os.utime(temporary, ns=(mtime_ns, mtime_ns))
            os.replace(temporary, target)
        except BaseException:
            _unlink(temporary)
            raise


def read_sidecar(file_path: str) -> Sidecar | None:
    """The sidecar of a file; None where there is none, or none that can be read."""
    path = file_path + SUFFIX
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
            return None
        with open(path, "rb") as file:
            mtime_ns = os.fstat(file.fileno()).st_mtime_ns
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    if len(content) > MAX_BYTES:
        return None
    return _understand(path, mtime_ns, content, os.fsencode(os.path.basename(file_path)))


def _understand(path: str, mtime_ns: int, content: bytes, name: bytes) -> Sidecar:
    bare = _BARE.fullmatch(content)
    if bare:
        return Sidecar(path, mtime_ns, bytes.fromhex(bare[2].decode()), bare[1], bare[3])
    lines = content.splitlines()
    matches = [match for line in lines if (match := _LINE.fullmatch(line) or _TAGGED.fullmatch(line))]
    ours = [match for match in matches if _is_about(match[0], name)]
    several = len(matches) > 1
    if len(ours) != 1:
        return Sidecar(path, mtime_ns, None, refreshable=not several)
    (match,) = ours
    ending = content[len(lines[0]) :]
    return Sidecar(path, mtime_ns, bytes.fromhex(match[2].decode()), match[1], match[3] + ending, not several)


def _is_about(line: bytes, name: bytes) -> bool:
    """md5sum marks names with backslashes and line ends by a backslash in front, and escapes them."""
    found = _NAME.search(line)
    assert found is not None
    stated = (found[1] or found[2]).rpartition(b"/")[2]
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return stated == (escaped if line.startswith(b"\\") else name)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
