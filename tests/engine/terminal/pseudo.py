"""A pseudo terminal with a script in its foreground, as a user sits before it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from ..scripts import Scripts, until


class Terminal:
    """The script's stdin, stdout and stderr, its controlling terminal, and it is in the foreground."""

    def __init__(self, scripts: Scripts, text: str, columns: int = 120, lines: int = 24) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.set_blocking(self._ours, False)
        self.seen = b""
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        environment = {"TERM": "xterm", "COLUMNS": str(columns), "LINES": str(lines), "PYTHONUTF8": "1"}
        self.script: subprocess.Popen[str] = scripts.start(
            text, **streams, more_env=environment, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        )
        os.close(theirs)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def read(self) -> str:
        """All that was shown so far, without control sequences."""
        try:
            while more := os.read(self._ours, 65536):
                self.seen += more
        except OSError:
            pass
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen.decode("utf-8", "replace"))

    def shows(self, text: str) -> str:
        """Wait until the text was shown."""
        until(lambda: text in self.read(), f"{text!r} on the terminal")
        return self.read()

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self._ours)

    def end(self) -> int:
        """The exit code; what is shown meanwhile is read."""
        until(lambda: self.read() is not None and self.script.poll() is not None, "the end of the script")
        self.read()
        os.close(self._ours)
        return int(self.script.returncode)
