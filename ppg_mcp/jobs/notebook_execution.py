"""Execute a notebook: in the process of its job, and nowhere else is this imported.

The kernel is a child of the job's process, so it ends with it, however that ends: a job process adopts and kills what
it started, the supervisor does so for a job process that was killed, the next run for a supervisor that was killed.
It is spoken to through Unix sockets in the session's directory, and nothing stays behind in the user's Jupyter folders.
ipykernel opens a port of the loopback device by itself, for what its forks print: see ADR 0103.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
from traitlets.config import Config

from ppg_cs.session_directory import runtime_root
from ppg_protocol.errors import JobDiedException

PATIENCE_S = 600
"""For the kernel to start, and for the last outputs of a cell to arrive: a busy machine is slow, not broken."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def execute(notebook: str, executed: str, html: str, directory: str) -> None:
    """Run all cells in `directory`; write what came of it, as a notebook and as HTML with its images.

    Times are left out: the same results are the same bytes. Raises CellExecutionError for a cell that fails,
    JobDiedException for a kernel that dies.
    """
    content = nbformat.read(notebook, as_version=4)
    session = runtime_root(directory) / os.environ["PPG_SESSION"]
    with tempfile.TemporaryDirectory(prefix="kernel-", dir=session if session.is_dir() else None) as folder:
        _run_cells(content, notebook, directory, os.path.join(folder, "k.json"))
    nbformat.write(content, executed)
    resources = {"metadata": {"name": Path(notebook).stem, "path": directory}}
    body, _ = HTMLExporter(embed_images=True).from_notebook_node(content, resources=resources)
    Path(html).write_text(body, encoding="utf-8")


def _run_cells(content: Any, notebook: str, directory: str, connection_file: str) -> None:
    reached: list[str] = []
    client = NotebookClient(
        content,
        resources={"metadata": {"path": directory}},
        config=Config(KernelManager={"transport": "ipc", "connection_file": connection_file}),
        timeout=None,
        startup_timeout=PATIENCE_S,
        iopub_timeout=PATIENCE_S,
        raise_on_iopub_timeout=True,
        record_timing=False,
        on_cell_start=lambda cell, cell_index: reached.append(cell.source),
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise CellExecutionError(_plain(error.traceback), error.ename, _plain(error.evalue)) from None
    except DeadKernelError as error:
        where = f"in the cell\n{reached[-1]}" if reached else "before its first cell."
        raise JobDiedException(f"{notebook}: the kernel died {where}") from error


def _plain(text: str) -> str:
    """Without the colours of a terminal."""
    return _COLOUR.sub("", text)
