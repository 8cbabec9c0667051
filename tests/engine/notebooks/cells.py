"""Notebooks to run: as a person would have saved them, with outputs that are not true any more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

for package in ("nbclient", "nbconvert", "ipykernel"):
    pytest.importorskip(package)

STALE = [{"output_type": "stream", "name": "stdout", "text": ["stale"]}]


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": STALE, "execution_count": 7}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source}


def notebook_text(*cells: str | dict[str, Any]) -> str:
    """Plain strings are code."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    made = [{**cell, "id": f"cell-{number}", "metadata": {}} for number, cell in enumerate(made)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


def save(name: str, *cells: str | dict[str, Any]) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(notebook_text(*cells))


def outputs(name: str) -> list[str]:
    """What each code cell of an executed notebook printed."""
    cells = json.loads(Path(name).read_text())["cells"]
    return ["".join("".join(o.get("text", "")) for o in cell["outputs"]) for cell in cells if "outputs" in cell]
