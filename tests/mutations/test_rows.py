"""The table of mutations fits the code as it is: so `make mutations`, which takes a quarter of an hour, can be run."""

from __future__ import annotations

import pytest

from .rows import MUTATIONS, Mutation
from .run import ROOT, mutated


@pytest.mark.parametrize("row", MUTATIONS, ids=lambda row: row.name)
def test_a_row_breaks_what_is_there_and_names_tests_that_exist(row: Mutation) -> None:
    text = (ROOT / row.file).read_text(encoding="utf-8")
    broken = mutated(text, row)
    assert broken != text
    compile(broken, row.file, "exec")
    assert all((ROOT / path).exists() for path in row.tests.split())


def test_names_are_unique() -> None:
    assert len({row.name for row in MUTATIONS}) == len(MUTATIONS)


def test_a_text_that_is_gone_is_an_error() -> None:
    with pytest.raises(ValueError, match="occurs 0 times"):
        mutated("text", MUTATIONS[0])
