"""The table of sentences holds: what it names exists, and says what the table says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .sentences import SENTENCES

HERE = Path(__file__).parent
SUPERSEDED = HERE.parents[1] / "docs/adr/0036-what-is-superseded.md"


def documented() -> dict[str, str]:
    """Docstrings of all tests of this package, in one line each, by module.function."""
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        if path.name != Path(__file__).name:
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    found[f"{path.stem}.{node.name}"] = " ".join((ast.get_docstring(node) or "").split())
    return found


def rows() -> set[str]:
    """First cells of the table of what is superseded."""
    lines = SUPERSEDED.read_text().splitlines()
    return {line.split("|")[1].strip() for line in lines if line.startswith("| ")} - {"row"}


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence[0][:40])
def test_a_sentence_has_a_test_or_is_superseded(sentence: tuple[str, ...]) -> None:
    quote, *references = sentence
    assert references
    tests = documented()
    for reference in references:
        if reference.startswith("0036 "):
            assert reference.removeprefix("0036 ") in rows()
        else:
            assert quote in tests[reference]


def test_every_test_and_every_row_is_in_the_table() -> None:
    references = {reference for _, *references in SENTENCES for reference in references}
    assert set(documented()) == {name for name in references if not name.startswith("0036 ")}
    assert rows() == {name.removeprefix("0036 ") for name in references if name.startswith("0036 ")}
