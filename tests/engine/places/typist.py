"""Somebody at a terminal: starts a program on a pty of its own, types, and reads what appears."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path

from ..scripts import is_alive, until

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]|\r")


class Typist:
    """The program leads a session whose controlling terminal is the pty, as in a terminal window."""

    def __init__(self, command: list[str], cwd: Path, prompt: str = ">>> ", **environment: str) -> None:
        self.prompt = prompt
        self.seen = ""
        self._raw = b""
        self._read_to = 0
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execvpe(command[0], command, {**os.environ, "TERM": "dumb", "COLUMNS": "200", **environment})
            finally:
                os._exit(127)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        os.set_blocking(self._fd, False)
        self.closed = False

    def type(self, text: str) -> None:
        """Keys, as they are."""
        data = text.encode()
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                self._read()

    def say(self, line: str) -> str:
        """Type a line, wait for the next prompt; what appeared in between."""
        self._read_to = len(self._text())
        self.type(line + "\n")
        return self.expect(self.prompt)

    def expect(self, text: str) -> str:
        """Wait until `text` appears after what was awaited last; what came up to there."""
        try:
            until(lambda: text in self._text()[self._read_to :], repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error}; the terminal shows:\n{self._text()}") from None
        end = self._text().index(text, self._read_to) + len(text)
        came, self._read_to = self._text()[self._read_to : end], end
        return came

    def hang_up(self) -> None:
        """Close the window: the kernel sends SIGHUP, and the terminal answers EIO from now on."""
        os.close(self._fd)
        self.closed = True

    def wait(self) -> int:
        """The exit code once it has ended, or the negative signal number."""
        status = until(self._ended, "the program's end")[0]
        return os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """Kill what is left."""
        if self.pid and is_alive(self.pid):
            os.kill(self.pid, 9)
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0
        if not self.closed:
            self.hang_up()

    def _ended(self) -> tuple[int] | None:
        self._read()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid = 0
        return (status,)

    def _text(self) -> str:
        self._read()
        return ESCAPES.sub(b"", self._raw).decode("utf-8", "replace")

    def _read(self) -> None:
        while not self.closed:
            try:
                came = os.read(self._fd, 65536)
            except OSError:
                return
            if not came:
                return
            self._raw += came
