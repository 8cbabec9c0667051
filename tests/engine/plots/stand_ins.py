"""Plots and tables by duck type, for tests that are not about a library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..project import tell


class Table:
    """A pydataframe by duck type."""

    columns_ordered = ("x", "y")

    def get_column(self, name: str) -> list[int]:
        return [1, 2] if name == "x" else [3, 4]


class Plot:
    """Draws itself by whichever method it has."""

    def __init__(self, method: str, text: str = "drawn") -> None:
        def draw(path: str, **options: Any) -> None:
            Path(path).write_text(f"{self.text} by {method} {options}")

        self.text = text
        setattr(self, method, draw)


class Pyggplot:
    """A plot as pyggplot makes it: has a size of its own, is changed in place, and can be faceted."""

    def __init__(self, text: str, render_args: Mapping[str, Any] | None = None) -> None:
        self.text = text
        self.width, self.height = 8, None
        self.render_args = render_args

    def facet_wrap(self, *columns: str, **more: Any) -> Pyggplot:
        self.text += f" by {columns} {more}"
        return self

    def add(self, text: str) -> None:
        self.text += text

    def render(self, path: str, **options: Any) -> None:
        Path(path).write_text(f"{self.text} {sorted(options.items())}")


def calculate() -> Table:
    tell("calculated")
    return Table()
