"""A real Jupyter kernel, driven as a notebook drives it: by cells over its sockets."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from ..scripts import PATIENCE_S


@dataclass
class Cell:
    """What came of executing one cell."""

    status: str
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    result: str = ""
    replies: int = 0
    """How many times the kernel said that it was idle again: once, if nobody else speaks in its name."""
    messages: list[dict[str, Any]] = field(default_factory=list, repr=False)


class Notebook:
    """A kernel of this interpreter in the given directory."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager = KernelManager(transport="ipc", connection_file=str(directory / ".kernel.json"))
        self.manager._kernel_spec = KernelSpec(argv=command, language="python", display_name="this")
        self.manager.start_kernel(cwd=str(directory), stderr=None)
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE_S)

    @property
    def pid(self) -> int:
        """Of the kernel's process."""
        assert self.manager.provisioner is not None
        return int(self.manager.provisioner.pid)

    def send(self, code: str) -> str:
        """Start a cell; its name for `collect`."""
        return str(self.client.execute(code))

    def collect(self, name: str) -> Cell:
        """Wait for the end of a cell."""
        cell = Cell("")
        while not (cell.replies and cell.status):
            message = self.client.get_iopub_msg(timeout=PATIENCE_S)
            if message["parent_header"].get("msg_id") != name:
                continue
            cell.messages.append(message)
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                setattr(cell, content["name"], getattr(cell, content["name"]) + content["text"])
            elif kind == "execute_result":
                cell.result = content["data"]["text/plain"]
            elif kind == "error":
                cell.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                cell.replies += 1
                cell.status = self._status(name)
        return cell

    def run(self, code: str) -> Cell:
        """Execute one cell."""
        return self.collect(self.send(code))

    def good(self, code: str) -> Cell:
        """Execute one cell, which must end well."""
        cell = self.run(code)
        assert cell.status == "ok", cell
        return cell

    def end(self) -> None:
        """Shut the kernel down."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def _status(self, name: str) -> str:
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE_S)
            if reply["parent_header"].get("msg_id") == name:
                return str(reply["content"]["status"])
