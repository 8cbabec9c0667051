"""What the titled code blocks of a page of the documentation mean.

The title of a block says what it is, for the reader and for the tests:

    python, title="NAME.py"     a script: it is run twice, and the second run leaves what was made as it is
    any, title="NAME"           before the first script of the page: an input file with this content; after a script:
                                what this file holds after its first run
    text, title="Makes"         all files that the page's scripts have made by now, one a line
    text, title="Prints"        what the last script prints to standard output
    text, title="Fails with"    the last script ends with an error; this is the end of its standard error

A line "…" stands for any lines, "…" within a line for any text. Blocks without a title are fragments, and not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CLAIMS = ("Makes", "Prints", "Fails with")


@dataclass(frozen=True)
class Block:
    """One titled block."""

    language: str
    title: str
    text: str

    @property
    def is_script(self) -> bool:
        return self.language == "python" and self.title.endswith(".py")


@dataclass(frozen=True)
class Step:
    """A script, and what the page says about its run."""

    script: Block
    claims: tuple[Block, ...]

    def claim(self, title: str) -> str | None:
        return next((block.text for block in self.claims if block.title == title), None)

    def contents(self) -> dict[str, str]:
        """File name -> what it holds."""
        return {block.title: block.text for block in self.claims if block.title not in CLAIMS}


def blocks(page: Path) -> list[Block]:
    return [Block(*match.groups()) for match in FENCE.finditer(page.read_text())]


def inputs(page: Path) -> list[Block]:
    """What stands before the first script."""
    found = blocks(page)
    first = next((i for i, block in enumerate(found) if block.is_script), 0)
    return found[:first]


def steps(page: Path) -> list[Step]:
    found = blocks(page)
    starts = [i for i, block in enumerate(found) if block.is_script]
    ends = [*starts, len(found)][1:]
    return [Step(found[start], tuple(found[start + 1 : end])) for start, end in zip(starts, ends, strict=True)]


def pages_with_scripts() -> list[Path]:
    return sorted(page for page in DOCS.rglob("*.md") if steps(page))


def fits(pattern: str, text: str) -> bool:
    """Is `text` what the page shows, where "…" stands for anything?"""
    lines = [".*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) for line in pattern.splitlines()]
    whole = "\n".join("(?s:.*)" if line == ".*" else line for line in lines)
    return re.fullmatch(whole, text.strip("\n")) is not None
