"""What can go wrong with the status store, said to the user; nothing here is retried on its own."""

from __future__ import annotations

from ppg_protocol.errors import PyPipeGraphError


class StatusStoreError(PyPipeGraphError):
    """The status store can't be opened, read or written; the message names the file, the cause and what to do.

    Raised by opening: the file was left as it was. Raised by a commit: nothing of that commit was written, and the
    writes are kept for the next one.
    """


class StoreInUseError(StatusStoreError):
    """Another pipegraph holds this status store; the message names its host and process. Wait for it or stop it."""
