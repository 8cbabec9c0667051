"""The control channel between the supervisor and a data process: tiny commands over an AF_UNIX SOCK_SEQPACKET pair.

One packet is one msgpack array `[kind, field, …]`, never torn, never merged. Descriptors travel with it (SCM_RIGHTS).
A message above `PACKET_BYTES` travels as a memfd, announced by a packet of one byte: a list of a million indices needs
no larger buffers, and no reader has to expect them.

    to a data process     FORK_JOB       key, job, cores, slot, awaited files, after which end of a job (0: at once)
                          TAKE_BACK                             forget the jobs that wait for an end, say which
                          FORK_SUCCESSOR key, job, cores, slot, awaited files      + the successor's end of its channel
                          DEFINE         jobs, part             indices of the tasks that this successor generated
                          TAKE_OVER                             be independent of the predecessor, say so
                          RETIRE                                end with the last job process
                          UNLOAD         job
                          SETUP          how to be the data process of a cluster (see `slave.data_process`)  + the board
                          FEED           parts of the task stream, as [part, jobs of a generated one] each
    to the supervisor     FORKED         key, pid
                          REFUSED        key, reason
                          EXITED         key, status, runtime_s, cpu_s, peak_rss_bytes     then FORKED of its relief
                          TAKEN_BACK     keys
                          PREPARED       key, pid, runtime_s, cpu_s, peak_rss_bytes, data_bytes
                          TOOK_OVER
                          FACTS          fields of Ready that this process knows; answers SETUP
                          UNFIT          reason                 it can't work for this session

The end of a channel is the end of the other process: a data process that reads it leaves and takes its jobs along.
What it said before is still there to be read then, so the supervisor may hear of a success after a death.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgpack

FORK_JOB, FORK_SUCCESSOR, DEFINE, TAKE_OVER, RETIRE, UNLOAD, SETUP, FEED, TAKE_BACK = 1, 2, 3, 4, 5, 6, 7, 8, 9
FORKED, REFUSED, EXITED, PREPARED, TOOK_OVER, FACTS, UNFIT, TAKEN_BACK = 17, 18, 19, 20, 21, 22, 23, 24

PACKET_BYTES = 4096
_SPILLED = b"\xc1"
"""The one byte that msgpack never uses."""
_ANCILLARY_BYTES = socket.CMSG_SPACE(4 * array.array("i").itemsize)

_pack = msgpack.Packer(unicode_errors="surrogatepass", buf_size=PACKET_BYTES).pack
"""One for all: `msgpack.packb` makes a packer with a buffer of 256 KiB per call."""

Packet = tuple[list[Any], list[int]]


class Channel:
    """One end. Messages that the other side does not take yet wait here; `flush` sends them when `waiting`."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._outbox: deque[tuple[bytes, tuple[int, ...]]] = deque()

    @staticmethod
    def pair() -> tuple[Channel, socket.socket]:
        """A non-blocking channel for the supervisor, and the other end."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        return Channel(ours), theirs

    @property
    def waiting(self) -> bool:
        """Whether something is to be sent when the socket takes it."""
        return bool(self._outbox)

    def fileno(self) -> int:
        """For pollers."""
        return self._socket.fileno()

    def send(self, message: Sequence[Any], fds: tuple[int, ...] = ()) -> None:
        """Send, or keep it until `flush`; takes over `fds`. That the other side is gone is learned by reading."""
        body: bytes = _pack(message)
        if len(body) > PACKET_BYTES:
            body, fds = _SPILLED, (*fds, _spill(body))
        if not fds and not self._outbox:
            try:
                self._socket.send(body)
                return
            except BlockingIOError:
                pass
            except OSError:
                return
        self._outbox.append((body, fds))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        while self._outbox:
            body, fds = self._outbox[0]
            try:
                if fds:
                    socket.send_fds(self._socket, [body], fds)
                else:
                    self._socket.send(body)
            except BlockingIOError:
                return
            except OSError:
                pass
            self._outbox.popleft()
            for fd in fds:
                os.close(fd)

    def receive(self) -> Packet | None:
        """The next message and the descriptors that came with it; None at the end. Raises BlockingIOError."""
        try:
            body, ancillary, _, _ = self._socket.recvmsg(PACKET_BYTES, _ANCILLARY_BYTES)
        except ConnectionResetError:
            return None
        if not body:
            return None
        fds = _descriptors(ancillary) if ancillary else []
        if body == _SPILLED:
            body = _unspill(fds.pop())
        message: list[Any] = msgpack.unpackb(body, unicode_errors="surrogatepass")
        return message, fds

    def close(self) -> None:
        """Close this end."""
        for _, fds in self._outbox:
            for fd in fds:
                os.close(fd)
        self._outbox.clear()
        self._socket.close()


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for _, _, data in ancillary:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)


def _spill(body: bytes) -> int:
    fd = os.memfd_create("ppg-control")
    with open(os.dup(fd), "wb") as file:
        file.write(body)
    return fd


def _unspill(fd: int) -> bytes:
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read()
