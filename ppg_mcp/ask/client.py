"""Ask a running master.

A master listens from when its machine has started. Before, it surveys files and plans, and at the very end it syncs and
closes: then there is nobody to answer, for a while or for good, and the client waits a little before it says so.
"""

from __future__ import annotations

import os
import pwd
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..store.holder import Holder
from .finding import AskError, Project, lives
from .wire import MAX_ANSWER_BYTES, decode, encode, is_trusted, socket_path

PATIENCE_S = 3.0
ANSWER_S = 15.0
RETRY_S = 0.05


class BeingPlanned(AskError):
    """A run goes on, but does not answer yet (or no more). Ask again."""


class AnothersRun(AskError):
    """The run belongs to another user, who alone may ask it."""


def ask(project: Project, question: Mapping[str, Any], patience_s: float = PATIENCE_S) -> dict[str, Any] | None:
    """The answer of the run that goes on in this project; None if there is none on this machine.

    Raises BeingPlanned, AnothersRun.
    """
    give_up = time.monotonic() + patience_s
    while True:
        holder = project.holder()
        if holder is None or not lives(holder):
            return None
        _refuse_anothers(holder, project.owner_uid())
        answer = _ask_once(holder, question)
        if answer is not None:
            return answer
        if time.monotonic() >= give_up:
            raise BeingPlanned(
                f"A run goes on here, {holder}, and is being planned (or just ending): it looks at files and decides "
                "what to do. Ask again in a while."
            )
        time.sleep(RETRY_S)


def _refuse_anothers(holder: Holder, owner: int | None) -> None:
    if owner not in (None, os.geteuid()) and os.geteuid() != 0:
        raise AnothersRun(
            f"A run of user {_name(owner)} goes on here: {holder}. Only that user can ask it; what follows is what was "
            "committed so far."
        )


def _ask_once(holder: Holder, question: Mapping[str, Any]) -> dict[str, Any] | None:
    """None if nobody answers, or not with an answer."""
    if not holder.run_directory:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(str(socket_path(Path(holder.run_directory))))
            if not is_trusted(connection) and os.geteuid() != 0:
                return None
            connection.sendall(encode(question))
            return decode(_received(connection))
    except (OSError, ValueError):
        return None


def _received(connection: socket.socket) -> bytes:
    received = bytearray()
    while len(received) <= MAX_ANSWER_BYTES:
        more = connection.recv(1 << 16)
        if not more:
            break
        received += more
    return bytes(received)


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "unknown"
    except KeyError:
        return str(uid)
