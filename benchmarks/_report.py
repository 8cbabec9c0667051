"""What an experiment found: tables, bounds that must hold, and how it was measured; as Markdown.

The report goes to standard output, and with `--write FILE` between the two marks of the experiment in FILE. What stands
outside the marks is written by hand and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _machine import describe


@dataclass(frozen=True, slots=True)
class Bound:
    """A claim: `what` was measured as `value`, and must be at most, or at least, `limit`."""

    what: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ""

    def row(self) -> list[str]:
        holds = self.value >= self.limit if self.at_least else self.value <= self.limit
        kind = "at least" if self.at_least else "at most"
        return [
            self.what,
            f"{self.value:.3g}{self.unit}",
            f"{kind} {self.limit:g}{self.unit}",
            "holds" if holds else "**missed**",
        ]


@dataclass(slots=True)
class Report:
    """Collects in the order in which it is printed; bounds come last, and only if the sizes are those they are for."""

    name: str
    versions: Sequence[str]
    repeats: int
    bounded: bool = True
    statistic: str = "medians"
    parts: list[str] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The first column is text, the others are figures."""
        self.parts.append(markdown_table(head, rows))

    def bound(self, what: str, value: float, limit: float, at_least: bool = False, unit: str = "") -> None:
        self.bounds.append(Bound(what, value, limit, at_least, unit))

    def text(self) -> str:
        parts = list(self.parts)
        if self.bounds and self.bounded:
            head = ("bound", "measured", "must be", "")
            parts.append(markdown_table(head, [bound.row() for bound in self.bounds]))
        parts.append(f"Measured {describe(self.versions)}; {self.times()}.")
        return "\n\n".join(parts)

    def times(self) -> str:
        if self.repeats == 1:
            return "measured once"
        return f"{self.statistic} of {self.repeats} where the table says nothing else"

    def write(self, path: Path) -> None:
        path.write_text(replaced(path.read_text(), self.name, self.text()))


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def marks(name: str) -> tuple[str, str]:
    """The lines between which the section of an experiment stands."""
    return f"<!-- begin {name} -->", f"<!-- end {name} -->"


def replaced(document: str, name: str, section: str) -> str:
    """The document with another section for this experiment."""
    begin, end = marks(name)
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"There is no place for {name!r}: the document needs the lines {begin!r} and {end!r}.")
    return f"{before}{begin}\n\n{section}\n\n{end}{after}"


def seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def ratio(above: float, below: float) -> str:
    return f"{above / below:.2f}"
