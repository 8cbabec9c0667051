"""The table of mutations for the simulation fits the code as it is."""

from __future__ import annotations

import pytest

from .run import ROOT, mutated
from .simulated_rows import SIMULATED, Simulated


@pytest.mark.parametrize("row", SIMULATED, ids=lambda row: row.name)
def test_a_row_breaks_what_is_there(row: Simulated) -> None:
    text = (ROOT / row.file).read_text(encoding="utf-8")
    broken = mutated(text, row)
    assert broken != text
    compile(broken, row.file, "exec")


def test_names_are_unique() -> None:
    assert len({row.name for row in SIMULATED}) == len(SIMULATED)
