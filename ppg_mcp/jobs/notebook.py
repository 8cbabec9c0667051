"""NotebookJob: run a Jupyter notebook as a job, from its first cell to its last, and keep it as HTML.

What a notebook reads is looked for in the text of its cells when run() starts, so that jobs may be made before or
after it. Outputs of cells don't count: they tell what an earlier execution found.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path
from typing import Any

from ppg_protocol.errors import JobContractError

from ..graph import Pipegraph
from ..job import Job
from ..util import current_graph
from .file_invariants import FileChecksumInvariant
from .files import MultiFileGeneratingJob

PACKAGES = ("nbclient", "nbconvert", "ipykernel")
SUFFIX = ".ipynb"


class NotebookJob(MultiFileGeneratingJob):
    """Executes a notebook in the pipegraph's directory, and again when its content or what it reads changed.

    The executed notebook and its HTML lie below cache_folder/notebooks, under the path of the notebook; see
    `executed_filename` and `html_filename`.

    Args:
        notebook_filename: The notebook, NAME.ipynb. It is never written.
        auto_detect_dependencies: Depend on every job one of whose files is named in a cell, as it is in the job's id
            or absolute. Paths that a cell puts together are not seen: use `depends_on`.

    Raises:
        JobContractError: Another suffix, or the packages of the extra `notebook` are missing.
    """

    def __init__(self, notebook_filename: str | Path, auto_detect_dependencies: bool = True) -> None:
        graph = current_graph()
        self.notebook_filename = graph.relative(notebook_filename)
        if not self.notebook_filename.endswith(SUFFIX):
            raise JobContractError(f"A NotebookJob takes a notebook, NAME{SUFFIX}, not {notebook_filename!r}.")
        _check_packages(self.notebook_filename)
        self.executed_filename = graph.cache_path(self.notebook_filename, "notebooks")
        self.html_filename = self.executed_filename.removesuffix(SUFFIX) + ".html"
        super().__init__([self.executed_filename, self.html_filename], self._execute)
        self.ignore_code_changes()
        self.auto_detect_dependencies = bool(auto_detect_dependencies)
        self.depends_on(self._inputs)

    def definition(self) -> tuple[Any, ...]:
        """The notebook, the files made of it, and whether it is searched for others."""
        searched = f"auto_detect_dependencies={self.auto_detect_dependencies}"
        return (*super().definition(), self.notebook_filename, searched)

    def _inputs(self) -> list[Job]:
        """Asked for when run() starts: who writes the notebook, and the files that it mentions?"""
        writer = self.graph.writer(self.notebook_filename)
        notebook = writer or FileChecksumInvariant(self.notebook_filename)
        return [notebook, *self._mentioned()] if self.auto_detect_dependencies else [notebook]

    def _mentioned(self) -> list[Job]:
        own = set(self.paths)
        text = cell_sources(Path(self.graph.absolute(self.notebook_filename)))
        writers = self.graph.writers.items()
        return [job for path, job in writers if path not in own and mentions(text, self.graph, path)]

    def _execute(self) -> None:
        from .notebook_execution import execute

        files = (self.notebook_filename, self.executed_filename, self.html_filename)
        notebook, executed, html = map(self.graph.absolute, files)
        os.makedirs(os.path.dirname(executed), exist_ok=True)
        execute(notebook, executed, html, str(self.graph.directory))


def _check_packages(name: str) -> None:
    missing = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise JobContractError(
            f"NotebookJob({name!r}) needs {', '.join(missing)}, which can't be imported here. "
            "Install it with: pip install 'pypipegraph[notebook]'"
        )


def cell_sources(notebook: Path) -> str:
    """The text of all cells, without their outputs. Nothing for what is no notebook: its job will say so."""
    try:
        content = json.loads(notebook.read_bytes())
        cells = [*content.get("cells", ()), *(c for sheet in content.get("worksheets", ()) for c in sheet["cells"])]
        sources = [cell.get("source", cell.get("input", "")) for cell in cells]
        return "\n".join(source if isinstance(source, str) else "".join(source) for source in sources)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return ""


def mentions(text: str, graph: Pipegraph, path: str) -> bool:
    """Whether the text names the file: relative to the pipegraph's directory or absolute, and not as part of a longer
    path."""
    if path not in text:
        return False
    names = {re.escape(path), re.escape(graph.absolute(path)), r"\./" + re.escape(path)}
    return re.search(rf"(?<![\w./-])({'|'.join(sorted(names))})(?![\w/-]|\.\w)", text) is not None
