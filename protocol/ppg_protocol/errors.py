"""Exceptions that more than one room raises; `pypipegraph` re-exports the public ones."""

from __future__ import annotations


class PyPipeGraphError(Exception):
    """Base of every exception that pypipegraph raises on purpose."""


class JobContractError(PyPipeGraphError, ValueError):
    """A job, or the code that builds the graph, broke a rule of its job type; the message says which, and what to do.

    Also a ValueError, which is what the original raised for most misuse.
    """


class JobDiedException(PyPipeGraphError):
    """A job's process ended without an answer: by a signal, by `os._exit`, or with its machine.

    Attributes: `exit_code` (int or None), `signal` (int or None).
    """

    def __init__(self, message: str, exit_code: int | None = None, signal: int | None = None) -> None:
        super().__init__(message, exit_code, signal)
        self.exit_code = exit_code
        self.signal = signal

    def __str__(self) -> str:
        return str(self.args[0])


class CommunicationFailure(PyPipeGraphError):
    """The processes of a run lost each other. Nothing committed is lost: run again and it resumes."""


class ProtocolError(PyPipeGraphError):
    """A message was malformed or out of turn."""


class LocalProtocolError(ProtocolError):
    """Our side tried to send what the protocol forbids: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The other side sent what the protocol forbids: drop the message, keep serving the others."""
